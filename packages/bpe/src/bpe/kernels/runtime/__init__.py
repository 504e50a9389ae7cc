"""What all kernels share: how they are compiled, linked and kept in files, how they are given arguments, raw memory."""
