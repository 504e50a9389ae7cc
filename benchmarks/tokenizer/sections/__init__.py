"""The sections of the benchmark: each measures all libraries and returns rows of results."""
