"""The tokenizer that comes with a model of another library, and how that model's texts begin and end."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bpe import Tokenizer, TokenizerFileError
from text_config import TextConfig
from text_data import END_OF_TEXT

_COMPLETE = ("tokenizer.json", "tekken.json", "tokenizer.model", "tokenizer.bin")
_PAIR = ("vocab.json", "merges.txt")
_LLAMA2C_END = "</s>"


@dataclass(frozen=True)
class TokenizerOptions:
    """What a user says about a tokenizer."""

    file: Path | None = None
    """Its file, or the folder that it is in; None: the folder of the weights."""
    pattern: str | None = None
    """Its split pattern, if its file does not contain it."""
    special_tokens: tuple[tuple[str, int], ...] = ()
    """Its special tokens and their ids, if its file does not contain them."""


@dataclass(frozen=True)
class GivenTokenizer:
    """A tokenizer that was found."""

    tokenizer: Tokenizer
    path: Path
    """Its file."""
    text: TextConfig
    """The tokens at the beginning and at the end of the model's texts."""
    is_complete: bool
    """Whether `Tokenizer.load` reads the file; if not, more than the file was needed."""


NO_OPTIONS = TokenizerOptions()


def find_tokenizer(
    source: Path, vocab_size: int, options: TokenizerOptions = NO_OPTIONS
) -> tuple[GivenTokenizer | None, str]:
    """Return the tokenizer of a model, or say why there is none.

    It is the first of these files that `bpe` can read: for a checkpoint of llama2.c `tok4096.bin` and `tok4096.model`,
    if its vocabulary is 4,096; then `tokenizer.json`, `tekken.json`, `tokenizer.model`, `tokenizer.bin`, `vocab.json`
    with `merges.txt`, and any `.tiktoken` file.

    Args:
        source: the model's folder, or its checkpoint of llama2.c.
        vocab_size: that of the model.
        options: what the user says about the tokenizer.

    Returns:
        The tokenizer, if there is one that `bpe` can read, and a note for the user, or an empty string.

    Raises:
        ValueError: the tokenizer has ids that the model does not have, or a file that the user names cannot be read.
        OSError: a file cannot be read.
    """
    if options.file is not None and not options.file.is_dir():
        return _of_model(options.file, source, vocab_size, options), ""
    folder = options.file or (source if source.is_dir() else source.parent)
    why = f"{folder} has no tokenizer.json and no other tokenizer: copy it there, or give --tokenizer FILE"
    for number, path in enumerate(_candidates(folder, None if source.is_dir() else vocab_size)):
        try:
            return _of_model(path, source, vocab_size, options), ""
        except TokenizerFileError as error:
            why = f"the tokenizer is not imported: {error}" if number == 0 else why
    return None, why


def _candidates(folder: Path, llama2c_vocab_size: int | None) -> Iterator[Path]:
    """Yield the files in a folder that may be a tokenizer; a pair of files as the first of them."""
    own = () if llama2c_vocab_size is None else (f"tok{llama2c_vocab_size}.bin", f"tok{llama2c_vocab_size}.model")
    yield from (folder / name for name in (*own, *_COMPLETE) if (folder / name).is_file())
    if all((folder / name).is_file() for name in _PAIR):
        yield folder / _PAIR[0]
    yield from sorted(folder.glob("*.tiktoken"))


def _of_model(path: Path, source: Path, vocab_size: int, options: TokenizerOptions) -> GivenTokenizer:
    """Read the tokenizer of a model.

    Raises:
        TokenizerFileError: `bpe` cannot read it, or needs to know more about it.
        ValueError: it has ids that the model does not have.
    """
    tokenizer, is_complete = _read(path, options)
    if tokenizer.vocab_size > vocab_size:
        raise ValueError(
            f"{path} has ids up to {tokenizer.vocab_size - 1}, but the model's vocabulary is {vocab_size}: "
            "one of them belongs to another model"
        )
    names = {token_id: token for token, token_id in tokenizer.special_tokens.items()}
    begin = [names[token_id] for token_id in tokenizer.begin_ids if token_id in names]
    text = TextConfig(begin_token=begin[0] if len(begin) == 1 else None, end_token=_end_token(source, names))
    return GivenTokenizer(tokenizer, path, text, is_complete)


def _read(path: Path, options: TokenizerOptions) -> tuple[Tokenizer, bool]:
    """Read a file, and return whether it contains everything."""
    special_tokens = dict(options.special_tokens)
    if path.name == _PAIR[0]:
        merges = path.with_name(_PAIR[1])
        pattern = options.pattern or "gpt2"
        found = Tokenizer.from_files(path, merges, special_tokens or None, pattern=pattern)
        if not special_tokens and END_OF_TEXT.encode() in found.vocab.values():
            found = Tokenizer.from_files(path, merges, [END_OF_TEXT], pattern=pattern)
        return found, False
    if path.suffix == ".tiktoken" or (path.suffix == ".model" and options.pattern is not None):
        if options.pattern is None:  # a wrong guess would give other ids without an error
            raise TokenizerFileError(f"{path} does not contain its split pattern: give --pattern, such as cl100k")
        return Tokenizer.from_tiktoken(path, special_tokens, pattern=options.pattern), False
    return Tokenizer.load(path), True


def _end_token(source: Path, names: dict[int, str]) -> str:
    """Return the special token that ends a text, as the model's files say; `<|endoftext|>` if they do not say it."""
    if source.is_file():
        return _LLAMA2C_END if _LLAMA2C_END in names.values() else END_OF_TEXT
    for file in (source / "config.json", source / "generation_config.json"):
        try:
            given = json.loads(file.read_text("utf-8"))["eos_token_id"]
        except (OSError, ValueError, LookupError, TypeError):  # the file is not there, or does not say it
            continue
        for token_id in given if isinstance(given, list) else [given]:
            if token_id in names:
                return names[token_id]
    return END_OF_TEXT
