"""The tokenizer against other libraries: encoding, training a vocabulary, start-up. See `benchmarks`."""

SEPARATOR = "<|endoftext|>"
"""The text between the documents of a corpus; the only special token."""
