"""What `vocab.json` and `tokenizer.json` have in common: an object of token → id, and a list of merges.

Ordinary tokens are written in stand-ins, special tokens as plain text.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from itertools import chain
from typing import Any

from bpe.formats.parts import MAX_TOKEN_BYTES, MAX_VOCAB_SIZE, TokenizerFileError, TokenizerParts
from bpe.formats.reading import FilePath, shown
from bpe.reference import Pair
from bpe.stand_ins import from_stand_ins, to_stand_ins


def vocab_to_json(parts: TokenizerParts) -> dict[str, int]:
    """Return the object of token → id.

    The tokens of a character model are written as they are.

    Raises:
        ValueError: two ids would be written in the same way.
    """
    special = {token_id: token for token, token_id in parts.added_ids.items()}
    written: dict[str, int] = {}
    for token_id, token in sorted(parts.vocab.items()):
        in_stand_ins = parts.characters is None and token_id not in parts.rules.never_encoded
        text = special.get(token_id) or (to_stand_ins(token) if in_stand_ins else token.decode())
        if text in written:
            raise ValueError(
                f"ids {written[text]} and {token_id} would both be written as {text!r}, so this "
                "vocabulary cannot be stored as a JSON object of token → id: remove one"
            )
        written[text] = token_id
    return written


def vocab_from_json(
    content: Any, special_tokens: Collection[str], path: FilePath, *, in_stand_ins: bool = True
) -> dict[int, bytes]:
    """Return the bytes of each id.

    A token that is in `special_tokens`, or that is not written in stand-ins, is read as plain text; without
    `in_stand_ins` all are.
    """
    if not isinstance(content, dict):
        raise TokenizerFileError(f"{path}: expected an object of token → id, found {type(content).__name__}")
    vocab: dict[int, bytes] = {}
    for text, token_id in content.items():
        if check_id(token_id, text, path) in vocab:
            raise TokenizerFileError(
                f"{path}: id {token_id} is assigned to {shown(text)} and to {shown(vocab[token_id])}: remove one"
            )
        try:
            token = from_stand_ins(text) if in_stand_ins and text not in special_tokens else text.encode()
        except UnicodeEncodeError:
            token = encode_text(text, path)
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenizerFileError(
                f"{path}: token {shown(text)} has {len(token)} bytes; tokens have at most {MAX_TOKEN_BYTES}"
            )
        vocab[token_id] = token
    return vocab


def tokens_in_plain_text(content: Mapping[str, int], special_tokens: Set[str]) -> frozenset[int]:
    """Return the ids of tokens in `content` that are not written in stand-ins, and not special.

    Some published vocabularies have such tokens, "🇵" beside "ðŁĩµ" for example. Merges make tokens in stand-ins, so no
    text is ever encoded as one of the others; they can only be decoded.
    """
    tokens = content.keys() - special_tokens
    if _is_in_stand_ins("".join(tokens)):
        return frozenset()
    return frozenset(content[text] for text in tokens if not _is_in_stand_ins(text))


def _is_in_stand_ins(text: str) -> bool:
    try:
        from_stand_ins(text)
    except UnicodeEncodeError:
        return False
    return True


def check_id(token_id: Any, text: str, path: FilePath) -> int:
    """Return `token_id` if it is an integer within the limits."""
    if type(token_id) is not int or not 0 <= token_id < MAX_VOCAB_SIZE:  # True is an int, but not an id
        raise TokenizerFileError(
            f"{path}: token {shown(text)} has the id {shown(token_id)}; ids go from 0 to {MAX_VOCAB_SIZE - 1}"
        )
    return token_id


def encode_text(text: str, path: FilePath) -> bytes:
    """Return the UTF-8 of a text from a JSON file, whose escapes can contain half a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise TokenizerFileError(f"{path}: token {shown(text)} cannot be encoded in UTF-8") from None


def merges_to_stand_ins(merges: Iterable[Pair], *, in_stand_ins: bool = True) -> list[tuple[str, str]]:
    """Return the merges in stand-ins, or as they are. A pair that is there twice is written at its first place."""
    written: Callable[[bytes], str] = to_stand_ins if in_stand_ins else bytes.decode
    return [(written(left), written(right)) for left, right in dict.fromkeys(merges)]


def merges_from_stand_ins(
    entries: Iterable[tuple[int, Any]], path: FilePath, unit: str, *, in_stand_ins: bool = True
) -> list[Pair]:
    """Return the merges, each read from a string of two tokens with a space between them, or from a list of two.

    Args:
        entries: the number of each entry in the file, and the entry.
        path: the file, for errors.
        unit: what the numbers count, for errors, such as "line".
        in_stand_ins: whether tokens are written in stand-ins, not as they are.
    """
    read: Callable[[str], bytes] = from_stand_ins if in_stand_ins else str.encode
    entries = list(entries)
    found = _read_at_once([entry for _, entry in entries], read)
    if found is not None:
        return found
    merges: dict[Pair, int] = {}
    for number, entry in entries:
        pair: list[Any] = entry.split(" ") if isinstance(entry, str) else entry if isinstance(entry, list) else []
        try:
            left, right = pair
            merge = read(left), read(right)
        except UnicodeEncodeError as error:
            raise TokenizerFileError(
                f"{path}, {unit} {number}: {error.object[error.start]!r} in {shown(error.object)} "
                "is not the stand-in of a byte"
            ) from None
        except (TypeError, ValueError):  # not two, or not strings
            merge = b"", b""
        if b"" in merge:
            raise TokenizerFileError(f"{path}, {unit} {number}: expected two tokens, found {shown(entry)}")
        if merges.setdefault(merge, number) != number:
            raise TokenizerFileError(
                f"{path}, {unit} {number}: the merge {shown(entry)} is already at {unit} {merges[merge]}, and "
                "libraries differ on which of them has effect: remove one"
            )
    return list(merges)


def _read_at_once(entries: list[Any], read: Callable[[str], bytes]) -> list[Pair] | None:
    """Return the merges, three times as fast as one by one; None if there is anything to report about one of them."""
    kinds = set(map(type, entries))
    if not kinds <= {str} and not kinds <= {list}:
        return None
    pairs = [entry.split(" ") for entry in entries] if kinds == {str} else entries
    try:
        merges = [(read(left), read(right)) for left, right in pairs]
    except (TypeError, ValueError):
        return None
    return merges if b"" not in chain.from_iterable(merges) and len(set(merges)) == len(merges) else None
