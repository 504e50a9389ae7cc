"""The data of a run on text: what is given, and what is made of it in the run's folder."""

import shutil
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from bpe import Tokenizer, check_portable_pattern, encode_file, read_token_file_info, train_bpe
from command import say
from nn import ModelConfig
from trainer import DataConfig, RunDirectory, open_data
from trainer.data import TrainingData

END_OF_TEXT = "<|endoftext|>"


@dataclass(frozen=True)
class TextDataConfig(DataConfig):
    """Text files, or token files that are ready, for training and for validation."""

    train_text: str | None = None
    """UTF-8 text to train on, documents separated by <|endoftext|>."""
    valid_text: str | None = None
    """UTF-8 text to evaluate on."""
    tokenizer: str | None = None
    """A tokenizer.json to encode with; null: one of model.vocab_size entries is trained on train_text."""
    pattern: str = "gpt2"
    """Split pattern of a tokenizer that is trained: gpt2, cl100k, o200k or a regular expression."""


def check_data(data: TextDataConfig) -> None:
    """Refuse data that is missing or given twice, and a pattern that the run's tokenizer.json could not hold.

    Raises:
        ValueError: for training or validation there is neither text nor tokens, or both; or the split pattern of the
            tokenizer that is to be trained means different things to different libraries.
    """
    for name in ("train", "valid"):
        text, tokens = getattr(data, f"{name}_text"), getattr(data, f"{name}_tokens")
        if text is None and tokens is None:
            raise ValueError(
                "no data: give --data.train_text FILE and --data.valid_text FILE, "
                "or token files with --data.train_tokens and --data.valid_tokens"
            )
        if text is not None and tokens is not None:
            raise ValueError(f"data.{name}_text and data.{name}_tokens are both given: leave one of them out")
        given, key = (tokens, f"data.{name}_tokens") if text is None else (text, f"data.{name}_text")
        for path in [given] if isinstance(given, str) else given:
            if not Path(path).is_file():
                raise ValueError(f"{path!r} ({key}) is not a file: check its name")
    if data.train_text is None and data.valid_text is not None and data.tokenizer is None:
        raise ValueError("data.valid_text must be encoded like the training tokens: give --data.tokenizer FILE")
    if data.train_text is not None and data.tokenizer is None:
        check_portable_pattern(data.pattern)


def prepare_data(data: TextDataConfig, model: ModelConfig, run: RunDirectory) -> TrainingData:
    """Put the tokenizer and the token files into the run's folder, as far as they are not given, and open the tokens.

    Raises:
        ValueError: a file cannot be used.
        OSError: a file cannot be read or written.
    """
    tokenizer = _make_tokenizer(data, model, run)
    run.tokens.mkdir()
    for name in ("train", "valid"):
        text, tokens = getattr(data, f"{name}_text"), getattr(data, f"{name}_tokens")
        if text is not None and tokenizer is not None:
            started = time.perf_counter()
            info = encode_file(tokenizer, text, run.tokens / f"{name}.bin")
            say(
                f"{name}: {info.count:,} tokens, {Path(text).stat().st_size / info.count:.2f} bytes each, "
                f"encoded in {time.perf_counter() - started:.1f} s"
            )
        elif tokenizer is not None:
            for file in [tokens] if isinstance(tokens, str) else tokens:
                _check_same_tokenizer(file, tokenizer, data.tokenizer)
    return open_data(token_files(data, run), model)


def token_files(data: TextDataConfig, run: RunDirectory) -> DataConfig:
    """Return the token files of a run: those that were given, else those in its folder."""
    return DataConfig(
        data.train_tokens or str(run.tokens / "train.bin"),
        data.valid_tokens or str(run.tokens / "valid.bin"),
        train_weights=data.train_weights,
        order=data.order,
    )


def _make_tokenizer(data: TextDataConfig, model: ModelConfig, run: RunDirectory) -> Tokenizer | None:
    """Load the tokenizer or train it, and store it with the run; none is needed for tokens alone."""
    if data.tokenizer is not None:
        tokenizer = Tokenizer.load(data.tokenizer)
        if tokenizer.vocab_size > model.vocab_size:
            raise ValueError(
                f"{data.tokenizer} has {tokenizer.vocab_size} entries, but model.vocab_size is {model.vocab_size}: "
                f"give --model.vocab_size {tokenizer.vocab_size}"
            )
        if END_OF_TEXT not in tokenizer.special_tokens:
            say(f"note: {data.tokenizer} has no {END_OF_TEXT}, so documents will not be separated")
        shutil.copyfile(data.tokenizer, run.tokenizer)
        return tokenizer
    if data.train_text is None:
        return None
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vocab, merges = train_bpe(data.train_text, model.vocab_size, [END_OF_TEXT], pattern=data.pattern)
    for warning in caught:
        say(f"note: {warning.message}")
    tokenizer = Tokenizer(vocab, merges, [END_OF_TEXT], pattern=data.pattern)
    tokenizer.save(run.tokenizer)
    longest = max((left + right for left, right in merges), key=len, default=b"").decode("utf-8", errors="replace")
    say(
        f"tokenizer: {tokenizer.vocab_size:,} entries, the longest {longest!r}, "
        f"trained in {time.perf_counter() - started:.1f} s"
    )
    return tokenizer


def _check_same_tokenizer(tokens: str, tokenizer: Tokenizer, path: str | None) -> None:
    made_by = read_token_file_info(tokens).tokenizer_sha256
    if made_by is not None and made_by != tokenizer.fingerprint:
        raise ValueError(f"{tokens} was not made with {path or 'this tokenizer'}: give the tokenizer that made it")
