"""The compiled path: Numba kernels over flat arrays. Nothing outside loads this package before it is needed."""
