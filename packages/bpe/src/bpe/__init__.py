"""Byte-level BPE tokenizer: training, encoding, decoding.

    vocab, merges = train_bpe("corpus.txt", 10_000, ["<|endoftext|>"])
    tokenizer = Tokenizer(vocab, merges, ["<|endoftext|>"])
    ids = tokenizer.encode("Once upon a time")
    text = tokenizer.decode(ids)

Names are loaded when they are first used. None of them loads Numba, and only those that give arrays load numpy.
"""

from bpe.lazy_exports import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(__name__, __file__)
