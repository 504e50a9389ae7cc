"""The model against plain PyTorch and `transformers`: training, decoding, the parts of a step. See `benchmarks`."""
