"""The items of the arrays that training works on, as NumPy structures."""

import numpy as np

SHORT_PIECE = np.dtype([("low", np.uint64), ("high", np.uint64), ("count", np.int64)])
"""A piece of up to SHORT_BYTES bytes: see `bpe.kernels.training.piece_table`."""

LONG_PIECE = np.dtype([("hash", np.uint64), ("place", np.int64), ("length", np.int64), ("count", np.int64)])
"""A longer piece: its bytes are those of LONG_PIECE_BYTES from `place` on."""

LOOKUP = np.dtype([("low", np.uint64), ("high", np.uint64), ("slot", np.int64), ("number", np.int64)])
"""A short piece that is looked up: its words, the slot in which the search begins, and the number found there."""

TOKEN = np.dtype(
    [
        ("place", np.int64),  # where in WORDS its bytes are
        ("prefix", np.uint64),  # its first eight bytes, big-endian
        ("length", np.int32),  # in bytes
        ("touched", np.int32),  # the number of the last merge that had it as its left or right token
    ]
)
"""A token, by id: see `bpe.kernels.training.tokens`."""

PAIR_RECORD = np.dtype(
    [
        ("left", np.int32),  # a token
        ("right", np.int32),  # a token
        ("bound", np.int64),  # at least the count
        ("first", np.int64),  # where its places begin in the list of all places
        ("size", np.int32),  # how many places it has
        ("counted", np.int32),  # the bound is the count unless a merge after this one had one of the two tokens
    ]
)
"""A pair of tokens, half a cache line: see `bpe.kernels.training.pairs`."""

QUEUE_ENTRY = np.dtype([("bound", np.int64), ("pair", np.int64)])
"""An entry of the queue: a pair and its bound when it was added. If the pair has another bound now, it is void."""

NOTE = np.dtype([("place", np.int64), ("token", np.int64)])
"""A neighbour of the new token, and the place of the pair that the two form."""

NEIGHBOUR = np.dtype([("weight", np.int64), ("times", np.int32), ("listed", np.int32)])
"""By token: how often it was noted, by frequency and by place. By number: the tokens noted, each once (`listed`)."""
