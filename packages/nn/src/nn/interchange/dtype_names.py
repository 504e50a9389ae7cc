"""The names of the dtypes that weights may be stored as; `conversion` has the dtypes, which need torch."""

DTYPE_NAMES = ("float32", "bfloat16", "float16")
