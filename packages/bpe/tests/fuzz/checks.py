"""What is compared for each text: every way to its ids with `Tokenizer.encode` of the reference engine."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bpe import StreamDecoder, Tokenizer, encode_file, encode_stream, open_token_file

from .differences import DifferenceError
from .subjects import Subject
from .texts import fuzz_cuts, is_known

Result = list[int] | str
"""Ids, or the name of an error."""


@dataclass(frozen=True)
class Case:
    """A text to compare."""

    subject: Subject
    text: str
    ids: Result
    """The ids that the reference gives."""
    random: Random
    folder: Path
    """A folder for files."""


def result_of(encode: Callable[[], Iterable[int]]) -> Result:
    """Return the ids, or the name of the error if the text has something that is not in the vocabulary."""
    try:
        return [int(token_id) for token_id in encode()]
    except UnicodeError:
        raise  # no text here has a surrogate
    except ValueError as error:
        return type(error).__name__


def find_difference(subject: Subject, text: str, random: Random, folder: Path) -> None:
    """Compare all ways to the ids of a text, of which rare and slow ones are chosen at random.

    Raises:
        DifferenceError: two of them differ.
    """
    ids = result_of(lambda: subject.reference.encode(text))
    case = Case(subject, text, ids, random, folder)
    for name, (share, check) in CHECKS.items():
        if random.random() < share:
            try:
                expected, found = check(case)
            except DifferenceError:
                raise
            except Exception as error:  # none is expected, so each is a difference
                raise DifferenceError(name, text, ids, error) from error
            if expected != found:
                raise DifferenceError(name, text, expected, found)


Check = Callable[[Case], tuple[object, object]]
"""Returns the expected and the actual result."""


def _compiled(case: Case) -> tuple[object, object]:
    return case.ids, result_of(lambda: case.subject.compiled.encode(case.text))


def _stream(case: Case) -> tuple[object, object]:
    tokenizer = case.random.choice((case.subject.reference, case.subject.compiled))
    chunks = fuzz_cuts(case.random, case.text)
    return case.ids, result_of(lambda: tokenizer.encode_iterable(chunks))


def _library(case: Case) -> tuple[object, object]:
    library = case.subject.library
    if library is None or isinstance(case.ids, str) or not is_known(case.text):
        return None, None
    try:
        return case.ids, library.encode(case.text, add_special_tokens=False).ids
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a bug of the library, which ends it: nothing to compare with
            raise
        return None, None


def _loaded(case: Case) -> tuple[object, object]:
    loaded = case.subject.loaded
    return (None, None) if loaded is None else (case.ids, result_of(lambda: loaded.encode(case.text)))


def _decoded(case: Case) -> tuple[object, object]:
    """Decode the ids at once and as a stream; for a tokenizer that does not change the text, that is the text."""
    if isinstance(case.ids, str):
        return None, None
    tokenizer = case.subject.reference
    stream = StreamDecoder(tokenizer)
    streamed = "".join([*map(stream.feed, case.ids), stream.finish()])
    expected = case.text if _keeps_text(tokenizer) else tokenizer.decode(case.ids)
    return (expected, expected), (tokenizer.decode(case.ids), streamed)


def _keeps_text(tokenizer: Tokenizer) -> bool:
    rules = tokenizer.rules
    changes = rules.normalizer or rules.prefix_space or tokenizer.characters or tokenizer.pattern.startswith("?")
    return not changes and not any(token.has_options for token in tokenizer.added_tokens)


def _numpy(case: Case) -> tuple[object, object]:
    tokenizer = case.random.choice((case.subject.reference, case.subject.compiled))
    dtypes: set[str] = set()

    def encode() -> list[int]:
        array = tokenizer.encode_to_numpy(case.text)
        dtypes.add(str(array.dtype))
        return array.tolist()

    found = result_of(encode)
    expected = set() if isinstance(case.ids, str) else {"uint16" if tokenizer.vocab_size <= 1 << 16 else "uint32"}
    return (case.ids, expected), (found, dtypes)


def _count(case: Case) -> tuple[object, object]:
    if isinstance(case.ids, str):
        return None, None
    return len(case.ids), case.subject.compiled.count_tokens(case.text)


def _offsets(case: Case) -> tuple[object, object]:
    """Check that the characters of each token contain its bytes."""
    tokenizer = case.subject.compiled
    if isinstance(case.ids, str) or not _keeps_text(tokenizer):
        return None, None
    ids, offsets = tokenizer.encode_with_offsets(case.text)
    covered = [case.text[start:end].encode() for start, end in offsets]
    return case.ids, [i for i, text in zip(ids, covered, strict=True) if tokenizer.decode_bytes([i]) in text]


def _some_special(case: Case) -> tuple[object, object]:
    """Recognize only some of the special tokens, with both engines."""
    specials = list(case.subject.reference.special_tokens)
    allowed = case.random.sample(specials, case.random.randint(0, len(specials)))
    engines = (case.subject.reference, case.subject.compiled)
    expected, found = (
        result_of(lambda: engine.encode(case.text, allowed_special=allowed))  # noqa: B023  # called at once
        for engine in engines
    )
    return expected, found


def _batch(case: Case) -> tuple[object, object]:
    """Encode several texts, in several threads."""
    if isinstance(case.ids, str):
        return None, None
    lists = case.subject.compiled.encode_batch(["", case.text, case.text], num_threads=case.random.randint(1, 3))
    return [[], case.ids, case.ids], lists


def _file(case: Case) -> tuple[object, object]:
    """Encode a file into an array."""
    if not case.text:
        return None, None
    path = case.folder / "text.txt"
    path.write_bytes(case.text.encode())
    threads = case.random.randint(1, 3)
    return case.ids, result_of(lambda: case.subject.compiled.encode_file_to_numpy(path, num_threads=threads))


def _token_file(case: Case) -> tuple[object, object]:
    """Encode a file, or a stream of chunks, into a token file."""
    if not case.text:
        return None, None
    tokenizer = case.random.choice((case.subject.reference, case.subject.compiled))
    threads, tokens = case.random.randint(1, 3), case.folder / "tokens.bin"

    def encode() -> Iterable[int]:
        if case.random.random() < 0.5:
            path = case.folder / "text.txt"
            path.write_bytes(case.text.encode())
            encode_file(tokenizer, path, tokens, num_threads=threads)
        else:
            encode_stream(tokenizer, fuzz_cuts(case.random, case.text), tokens, num_threads=threads)
        return open_token_file(tokens).tolist()

    return case.ids, result_of(encode)


CHECKS: dict[str, tuple[float, Check]] = {
    "compiled engine": (1, _compiled),
    "stream": (1, _stream),
    "tokenizers library": (1, _library),
    "saved and loaded": (0.1, _loaded),
    "decoding": (0.2, _decoded),
    "some special tokens": (0.1, _some_special),
    "array": (0.1, _numpy),
    "count": (0.1, _count),
    "offsets": (0.1, _offsets),
    "batch": (0.05, _batch),
    "file": (0.05, _file),
    "token file": (0.01, _token_file),
}
"""Each check with the share of the texts that it is made for."""
