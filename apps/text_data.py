"""The data of a run on text: from text files to a tokenizer and token files in the run's folder."""

import shutil
import time
import warnings
from dataclasses import replace
from pathlib import Path

import trainer  # trainer.open_data loads torch when it is called
from bpe import Tokenizer, check_portable_pattern, describe_tokens, encode_file, file_format, train_bpe
from command import say
from nn import ModelConfig
from text_config import TextDataConfig
from trainer import DataConfig, RunDirectory

END_OF_TEXT = "<|endoftext|>"


def check_data(data: TextDataConfig) -> None:
    """Refuse data that is missing or given twice, and a pattern that the run's tokenizer.json could not represent.

    Whether a corpus is prepared is not checked.

    Raises:
        ValueError: without a corpus, for training or validation there is neither text nor tokens, or both; or other
            libraries would read the split pattern of the tokenizer that is to be trained differently.
    """
    if data.corpus is not None and not data.has_files:
        if data.tokenizer is not None:
            raise ValueError(
                f"data.corpus {data.corpus} is prepared with its own tokenizer, but data.tokenizer is given: "
                "remove it, or give the texts to encode with it"
            )
        return
    for name in ("train", "valid"):
        text, tokens = getattr(data, f"{name}_text"), getattr(data, f"{name}_tokens")
        if text is None and tokens is None:
            raise ValueError(
                f"no data to {'train' if name == 'train' else 'evaluate'} on: give --data.train_text FILE and "
                "--data.valid_text FILE, token files with --data.train_tokens and --data.valid_tokens, "
                "or a corpus with --data.corpus"
            )
        if text is not None and tokens is not None:
            raise ValueError(f"data.{name}_text and data.{name}_tokens are both given: remove one of them")
        given, key = (tokens, f"data.{name}_tokens") if text is None else (text, f"data.{name}_text")
        for path in [given] if isinstance(given, str) else given:
            if not Path(path).is_file():
                raise ValueError(f"{path!r} ({key}) is not a file: check its name")
    if data.tokenizer is not None and not Path(data.tokenizer).is_file():
        raise ValueError(f"{data.tokenizer!r} (data.tokenizer) is not a file: check its name")
    if data.train_text is None and data.valid_text is not None and data.tokenizer is None:
        raise ValueError("data.valid_text must be encoded like the training tokens: give --data.tokenizer FILE")
    if data.train_text is not None and data.tokenizer is None:
        check_portable_pattern(data.pattern)


def prepare_data(data: TextDataConfig, model: ModelConfig, run: RunDirectory) -> None:
    """Create the tokenizer and the token files that are not given, in the run's folder, and check all of them.

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
            info = encode_file(tokenizer, text, run.tokens / f"{name}.bin", separator=_separator(text, tokenizer))
            say(
                f"{name}: {info.count:,} tokens, {(info.text_bytes or 0) / info.count:.2f} bytes each, "
                f"encoded in {time.perf_counter() - started:.1f} s"
            )
        elif tokenizer is not None:
            for file in [tokens] if isinstance(tokens, str) else tokens:
                _check_same_tokenizer(file, tokenizer, data.tokenizer)
    # Refuses token files that do not fit the model. Shards are read once, when the run opens them.
    trainer.open_data(replace(token_files(data, run), verify_shards=False), model)


def _separator(text: str, tokenizer: Tokenizer) -> str | None:
    """Return what follows each document of a file of documents; None for a text, which has separators in it."""
    if file_format(text) == "text":
        return None
    return END_OF_TEXT if END_OF_TEXT in tokenizer.special_tokens else ""


def token_files(data: TextDataConfig, run: RunDirectory) -> DataConfig:
    """Return the token files of a run: those that were given, else those in its folder."""
    return DataConfig(
        data.train_tokens or str(run.tokens / "train.bin"),
        data.valid_tokens or str(run.tokens / "valid.bin"),
        train_weights=data.train_weights,
        order=data.order,
        verify_shards=data.verify_shards,
    )


def _make_tokenizer(data: TextDataConfig, model: ModelConfig, run: RunDirectory) -> Tokenizer | None:
    """Load or train the tokenizer, and store it in the run; a run on given tokens needs none."""
    if data.tokenizer is not None:
        return _load_tokenizer(data.tokenizer, model, run)
    if data.train_text is not None:
        return train_tokenizer(data.train_text, model.vocab_size, run.tokenizer, pattern=data.pattern)
    return None


def _load_tokenizer(file: str, model: ModelConfig, run: RunDirectory) -> Tokenizer:
    tokenizer = Tokenizer.load(file)
    if tokenizer.vocab_size > model.vocab_size:
        raise ValueError(
            f"{file} has {tokenizer.vocab_size} entries, but model.vocab_size is {model.vocab_size}: "
            f"give --model.vocab_size {tokenizer.vocab_size}"
        )
    if END_OF_TEXT not in tokenizer.special_tokens:
        say(f"note: {file} has no {END_OF_TEXT}, so documents will not be separated")
    if Path(file).suffix == ".json":
        shutil.copyfile(file, run.tokenizer)
    else:
        tokenizer.save(run.tokenizer)
    return tokenizer


def train_tokenizer(text: str | Path, vocab_size: int, path: Path, *, pattern: str = "gpt2") -> Tokenizer:
    """Train a tokenizer on a text file, save it, and print what was learned.

    Args:
        text: the file: UTF-8 text, documents separated by `<|endoftext|>`; or documents, in the column `text`.
        vocab_size: entries; a short text may give fewer, which is noted.
        path: the `tokenizer.json` to write.
        pattern: the split pattern.

    Raises:
        ValueError: the text cannot be used, or the vocabulary is too small.
        OSError: a file cannot be read or written.
    """
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vocab, merges = train_bpe(text, vocab_size, [END_OF_TEXT], pattern=pattern)
    for warning in caught:
        say(f"note: {warning.message}")
    tokenizer = Tokenizer(vocab, merges, [END_OF_TEXT], pattern=pattern)
    tokenizer.save(path)
    longest = max((left + right for left, right in merges), key=len, default=b"").decode("utf-8", errors="replace")
    say(
        f"tokenizer: {tokenizer.vocab_size:,} entries, the longest {longest!r}, "
        f"trained in {time.perf_counter() - started:.1f} s"
    )
    return tokenizer


def _check_same_tokenizer(tokens: str, tokenizer: Tokenizer, path: str | None) -> None:
    encoded_with = describe_tokens(tokens).tokenizer_sha256
    if encoded_with is not None and encoded_with != tokenizer.fingerprint:
        raise ValueError(
            f"{tokens} was not encoded with {path or 'this tokenizer'}: give the tokenizer that it was encoded with"
        )
