"""What the phases do: fetch the files, train the tokenizer, encode a text. Each returns paths and figures."""

import time
import warnings
from collections.abc import Callable
from pathlib import Path

from bpe import TokenFileInfo, Tokenizer, cut_stream, encode_stream, train_bpe_with_report
from preparation.corpora import END_OF_TEXT, Corpus
from preparation.state import Figures
from preparation.streams import Texts

Say = Callable[[str], None]
_IDS_AT_ONCE = 1 << 20
_ENDING_IDS = 100  # enough to tell text from a line end after the last separator


def megabytes(num_bytes: float) -> str:
    """Return a number of bytes for people."""
    return f"{num_bytes / 1e9:,.2f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:,.1f} MB"


def fetch_files(corpus: Corpus, max_bytes: int | None, say: Say) -> tuple[list[Path], Figures]:
    """Fetch the files of a corpus, and return their paths and figures."""
    from preparation.hub import fetch
    from preparation.hub_settings import commit_of, endpoint

    fetched = fetch(corpus, max_bytes, say=say)
    files = [*fetched.train, *fetched.valid]
    figures = {
        "endpoint": endpoint(),
        "commit": commit_of(files[0].name, files[0].path),
        "files": [
            {
                "name": file.name,
                "text": "train" if file in fetched.train else "valid",
                "bytes": file.path.stat().st_size,
                "sha256": file.sha256,
            }
            for file in files
        ],
    }
    return [file.path for file in files], figures


def train_tokenizer(texts: Texts, path: Path, say: Say) -> tuple[list[Path], Figures]:
    """Train the tokenizer on the training text, and save it."""
    settings = texts.settings
    started = time.perf_counter()
    chunks = texts.read("train", "tokenizer: counting", settings.tokenizer_bytes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vocab, merges, report = train_bpe_with_report(
            cut_stream(chunks, [END_OF_TEXT]), settings.vocab_size, [END_OF_TEXT]
        )
    for warning in caught:
        say(f"note: {warning.message}")
    tokenizer = Tokenizer(vocab, merges, [END_OF_TEXT])
    tokenizer.save(path)
    longest = report.longest_tokens[0].decode(errors="replace") if report.longest_tokens else ""
    say(
        f"tokenizer: {tokenizer.vocab_size:,} entries, the longest {longest!r}, "
        f"from {megabytes(report.bytes_read)} in {time.perf_counter() - started:.1f} s"
    )
    return [path], {
        "entries": tokenizer.vocab_size,
        "longest_token": longest,
        "bytes_read": report.bytes_read,
        "distinct_words": report.num_distinct_pieces,
        "count_seconds": round(report.count_seconds, 3),
        "merge_seconds": round(report.merge_seconds, 3),
        "fingerprint": tokenizer.fingerprint,
        "peak_memory_bytes": report.peak_memory_bytes,
    }


def encode_text(texts: Texts, name: str, tokenizer_path: Path, path: Path, say: Say) -> tuple[list[Path], Figures]:
    """Encode one of the texts, `train` or `valid`, into a token file."""
    started = time.perf_counter()
    tokenizer = Tokenizer.load(tokenizer_path)
    info = encode_stream(tokenizer, texts.read(name, f"{name}: encoding"), path)
    seconds = time.perf_counter() - started
    text_bytes = info.text_bytes or 0
    say(
        f"{name}: {info.count:,} tokens, {text_bytes / info.count:.2f} bytes each, "
        f"from {megabytes(text_bytes)} in {seconds:.1f} s"
    )
    return [path, Path(f"{path}.json")], {
        "bytes": text_bytes,
        "documents": count_documents(path, info, tokenizer),
        "tokens": info.count,
        "file_bytes_read": sum(file.stat().st_size for file in texts.paths(name)),
        "encode_seconds": round(seconds, 3),
    }


def count_documents(path: Path, info: TokenFileInfo, tokenizer: Tokenizer) -> int:
    """Return the number of documents of a token file: of its separators, and one if there is text after the last."""
    import numpy as np

    separator = tokenizer.special_tokens[END_OF_TEXT]
    dtype = np.dtype(info.dtype).newbyteorder("<")
    count, after = 0, b""
    with path.open("rb") as file:  # not mapped: the pages of a mapped file would count as memory of this process
        while data := file.read(_IDS_AT_ONCE * dtype.itemsize):
            places = np.flatnonzero(np.frombuffer(data, dtype) == separator)
            count += len(places)
            if len(places):
                after = b""
                data = data[(int(places[-1]) + 1) * dtype.itemsize :]
            after = (after + data)[: _ENDING_IDS * dtype.itemsize]
    ending = tokenizer.decode(np.frombuffer(after, dtype).tolist())
    return count + bool(ending.strip())
