"""The compiled engine as Python sees it: tables, threads and buffers around `bpe.kernels`."""
