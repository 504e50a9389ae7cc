"""What the commands share: tokenizers in all formats, and where results are written."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from bpe.complete_files import COMPLETE_FILES, complete_file
from bpe.patterns import DEFAULT_PATTERN, PATTERNS
from bpe.tokenizer import Tokenizer

DEFAULT_SPECIAL_TOKENS = ("<|endoftext|>",)
STDIN = Path("-")
FORMATS = {
    "tokenizer.json": "FILE.json",
    "gpt2": "a folder with vocab.json and merges.txt",
    "tiktoken": "FILE.tiktoken",
}


def add_tokenizer_arguments(parser: ArgumentParser) -> None:
    """Declare the tokenizer, and the options that some formats do not contain."""
    parser.add_argument(
        "tokenizer",
        type=Path,
        metavar="TOKENIZER",
        help="a tokenizer.json, a tekken.json, a .model of SentencePiece, a tokenizer.bin of llama2.c, a folder with "
        "one of them or with vocab.json and merges.txt, or a .tiktoken file",
    )
    parser.add_argument(
        "--special-token",
        action="append",
        metavar="TOKEN",
        help=f"a special token, for a folder (default: {', '.join(DEFAULT_SPECIAL_TOKENS)}), or as TOKEN=ID for a "
        ".tiktoken file (default: none); repeatable",
    )
    parser.add_argument(
        "--pattern", help=f"the split pattern, for a folder (default: {DEFAULT_PATTERN}) or a .tiktoken file (required)"
    )


def tokenizer_from(options: Namespace) -> Tokenizer:
    """Load the tokenizer that a command line names."""
    return load_tokenizer(options.tokenizer, options.special_token, options.pattern)


def load_tokenizer(path: Path, special_tokens: Sequence[str] | None = None, pattern: str | None = None) -> Tokenizer:
    """Load a tokenizer in any supported format.

    Args:
        path: a file or a folder that `Tokenizer.load` reads, a folder with `vocab.json` and `merges.txt`, or a
            `.tiktoken` file.
        special_tokens: those of a format that does not contain them, for a `.tiktoken` file as `TOKEN=ID`. None means
            `DEFAULT_SPECIAL_TOKENS` for a pair of files, and none for a `.tiktoken` file.
        pattern: the split pattern of a format that does not contain it; None means GPT-2's for a pair of files.

    Raises:
        ValueError: a file is damaged; the folder contains no tokenizer; `special_tokens` or `pattern` are given for a
            file that contains them, or are missing or malformed for a `.tiktoken` file.
        OSError: a file cannot be read.
    """
    if path.suffix == ".tiktoken":
        if pattern is None:  # a wrong guess would give other ids without an error
            raise ValueError(f"{path} does not contain its split pattern: give --pattern, one of {', '.join(PATTERNS)}")
        ids = dict(map(parse_special_token, special_tokens or ()))
        return Tokenizer.from_tiktoken(path, ids, pattern=pattern)
    complete = complete_file(path)
    if complete is None:
        vocab, merges = path / "vocab.json", path / "merges.txt"
        if not (vocab.is_file() and merges.is_file()):
            raise ValueError(
                f"{path} contains neither {', '.join(COMPLETE_FILES)} nor both vocab.json and merges.txt: give the "
                "path of the tokenizer's file"
            )
        special_tokens = DEFAULT_SPECIAL_TOKENS if special_tokens is None else special_tokens
        return Tokenizer.from_files(vocab, merges, special_tokens, pattern=pattern or DEFAULT_PATTERN)
    if special_tokens is not None or pattern is not None:
        raise ValueError(f"{complete} contains its special tokens and pattern: remove --special-token and --pattern")
    return Tokenizer.load(complete)


def parse_special_token(text: str) -> tuple[str, int]:
    """Parse a special token with its id.

    Raises:
        ValueError: there is no id.

    >>> parse_special_token("<a=b>=257")
    ('<a=b>', 257)
    """
    token, _, token_id = text.rpartition("=")
    if not (token and token_id.isascii() and token_id.isdigit()):
        raise ValueError(f"--special-token {text!r} has no id: give TOKEN=ID for a .tiktoken file")
    return token, int(token_id)


def output_format(out: Path, name: str | None) -> str:
    """Return the format, one of `FORMATS`, in which to write `out`: `name` if given, or the one of its file extension.

    Raises:
        ValueError: the extension is not that of a format.
    """
    if name is not None:
        return name
    extensions = {".json": "tokenizer.json", ".tiktoken": "tiktoken"}
    if out.is_dir():
        return "gpt2"
    if out.suffix not in extensions:
        known = ", ".join(f"{name} ({what})" for name, what in FORMATS.items())
        raise ValueError(f"{out} has no known file extension: give --format, one of {known}")
    return extensions[out.suffix]


def save_tokenizer(tokenizer: Tokenizer, out: Path, format_name: str) -> None:
    """Write a tokenizer in one of `FORMATS`."""
    if format_name == "tokenizer.json":
        tokenizer.save(out)
    elif format_name == "tiktoken":
        tokenizer.save_tiktoken(out)
    else:
        out.mkdir(exist_ok=True)
        tokenizer.save_gpt2(out / "vocab.json", out / "merges.txt")


def check_output(out: Path, inputs: Sequence[Path]) -> None:
    """Raise an error for an output that cannot be written, before the work is done, or that would replace an input.

    Raises:
        ValueError: `out` is one of the inputs, or its folder does not exist.
    """
    if not out.parent.is_dir():
        raise ValueError(f"the folder {out.parent} for {out.name} does not exist: create it first")
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise ValueError(f"{out} would overwrite the input {path}: name another file")
