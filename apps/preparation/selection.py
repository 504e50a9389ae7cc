"""Which documents of a text are for validation, and how much of it is used.

If no validation text is given, a share of the documents is held out. A document's first characters decide, through a
hash: it does not matter in which file or at which place it is, and copies of a document are always on the same side.
"""

import hashlib
from collections.abc import Iterable, Iterator

from preparation.corpora import END_OF_TEXT

_DECIDING_CHARACTERS = 1000


def is_held_out(document: str, share: float) -> bool:
    """Return whether a document, of which the beginning is enough, is for validation.

    Args:
        document: the document, or at least its first 1,000 characters.
        share: the share of documents to hold out, between 0 and 1.
    """
    beginning = document[:_DECIDING_CHARACTERS].encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(beginning, digest_size=8).digest()) < share * 2**64


def select_documents(chunks: Iterable[str], share: float, *, held_out: bool) -> Iterator[str]:
    """Yield the documents of a text that are held out, or the others, each with its `<|endoftext|>`.

    A long document is passed on in parts, so that memory does not grow with its length.

    Args:
        chunks: the text, cut anywhere.
        share: the share of documents to hold out.
        held_out: whether to yield those that are held out.
    """
    rest = ""
    chosen: bool | None = None  # whether the document that `rest` belongs to is yielded; None if not decided yet
    for chunk in chunks:
        *complete, rest = (rest + chunk).split(END_OF_TEXT)
        selected = []
        for document in complete:
            if chosen is None:
                chosen = bool(document.strip()) and is_held_out(document, share) == held_out
            if chosen:
                selected += [document, END_OF_TEXT]
            chosen = None
        certain = len(rest) - len(END_OF_TEXT) + 1  # what follows may be the beginning of a separator
        if chosen is None and certain >= _DECIDING_CHARACTERS:
            chosen = is_held_out(rest, share) == held_out
        if chosen is not None and certain > 0:
            selected += [rest[:certain]] if chosen else []
            rest = rest[certain:]
        if selected:
            yield "".join(selected)
    if chosen is None:
        chosen = bool(rest.strip()) and is_held_out(rest, share) == held_out
    if chosen and rest:
        yield rest


def take_bytes(chunks: Iterable[str], max_bytes: int | None) -> Iterator[str]:
    """Yield a text up to `max_bytes` bytes of UTF-8, if possible up to the end of a document; all of it for None."""
    if max_bytes is None:
        yield from chunks
        return
    left = max_bytes
    for chunk in chunks:
        data = chunk.encode()
        if len(data) > left:
            text = data[:left].decode(errors="ignore")  # without the part of a character
            end = text.rfind(END_OF_TEXT)
            yield text if end < 0 else text[: end + len(END_OF_TEXT)]
            return
        left -= len(data)
        yield chunk
