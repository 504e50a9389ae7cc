"""The text that runs are trained on: a token file that is given, or generated stories."""

import warnings
from pathlib import Path

from benchmarks.gpu.request import Request
from bpe import Tokenizer, describe_tokens, encode_file, train_bpe
from stories import write_corpus
from trainer import DataConfig

_SEPARATOR = "<|endoftext|>"
_BYTES = 12_000_000
_VALID_FRACTION = 0.62  # 1.7 million tokens: enough for a whole evaluation of the base model
_VOCABULARY = 4_096


def token_data(request: Request) -> DataConfig:
    """Return token files to train and to evaluate on; stories are generated and encoded by the first part that asks."""
    if request.tokens is not None:
        return DataConfig(train_tokens=request.tokens, valid_tokens=request.tokens)
    folder = request.scratch / "tokens"
    train, valid = folder / "train.bin", folder / "valid.bin"
    if not valid.exists():
        _write_stories(folder, train, valid, 60_000 if request.tiny else _BYTES)
    return DataConfig(train_tokens=str(train), valid_tokens=str(valid))


def vocabulary(data: DataConfig, least: int) -> int:
    """Return the size of a vocabulary that contains all ids of the data, and has at least some entries."""
    return max(least, *(describe_tokens(file).vocab_size for file in data.train_files))


def _write_stories(folder: Path, train: Path, valid: Path, num_bytes: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    texts = train.with_suffix(".txt"), valid.with_suffix(".txt")
    write_corpus(texts[0], texts[1], num_bytes, seed=0, valid_fraction=_VALID_FRACTION)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few different words do not fill the vocabulary
        vocab, merges = train_bpe(texts[0], _VOCABULARY, [_SEPARATOR], engine="reference")
    tokenizer = Tokenizer(vocab, merges, [_SEPARATOR], engine="reference")
    for text, tokens in zip(texts, (train, valid), strict=True):
        encode_file(tokenizer, text, tokens)
