"""The added tokens in a `tokenizer.json`: strings that are found in a text before anything else, with their options."""

from collections.abc import Mapping, Sequence
from typing import Any

from bpe.added_tokens import AddedToken
from bpe.formats.parts import TokenizerFileError, TokenizerParts
from bpe.formats.reading import FilePath, field, refuse, shown
from bpe.formats.token_table import check_id, encode_text
from bpe.stand_ins import to_stand_ins

_OPTIONS = ("special", "lstrip", "rstrip", "single_word")


def added_tokens_to_json(special_tokens: Mapping[str, int], others: Sequence[AddedToken]) -> list[dict[str, Any]]:
    """Return the list of added tokens, in the order of their ids."""
    tokens = [*(AddedToken(token, token_id) for token, token_id in special_tokens.items()), *others]
    return [
        {
            "id": token.id,
            "content": token.content,
            "single_word": token.single_word,
            "lstrip": token.lstrip,
            "rstrip": token.rstrip,
            "normalized": token.normalized,
            "special": token.special,
        }
        for token in sorted(tokens, key=lambda token: token.id)
    ]


def added_tokens_from_json(content: Any, path: FilePath) -> list[AddedToken]:
    """Return the added tokens of a file, in its order.

    Raises:
        TokenizerFileError: a token is malformed, empty, or given twice.
    """
    added = content.get("added_tokens") or []
    if not isinstance(added, list) or not all(isinstance(token, dict) for token in added):
        raise TokenizerFileError(f"{path}: 'added_tokens' is not a list of objects")
    tokens: dict[str, AddedToken] = {}
    for entry in added:
        text = field(entry, "content", str, path)
        if not encode_text(text, path):
            raise TokenizerFileError(f"{path}: an added token is empty: remove it")
        if text in tokens:
            raise TokenizerFileError(f"{path}: the added token {shown(text)} is given twice: remove one")
        options = {name: entry.get(name, False) for name in _OPTIONS}
        options["normalized"] = entry.get("normalized", not options["special"])
        for name, value in options.items():
            if not isinstance(value, bool):
                raise TokenizerFileError(
                    f"{path}: its added token {shown(text)} has {name} = {shown(value)}: give true or false"
                )
        tokens[text] = AddedToken(text, check_id(entry.get("id"), text, path), **options)
    return list(tokens.values())


def check_ids(tokens: Sequence[AddedToken], vocab: Mapping[str, int], path: FilePath) -> None:
    """Raise an error if the `tokenizers` library would give a token another id than the file does.

    It ignores the ids of added tokens, and numbers those that are not in the vocabulary after it.

    Raises:
        TokenizerFileError: the ids differ.
    """
    next_id = len(vocab)
    for token in tokens:
        if token.content in vocab:
            if vocab[token.content] != token.id:
                raise TokenizerFileError(
                    f"{path}: {shown(token.content)} has the ids {token.id} and {vocab[token.content]}: remove one"
                )
            continue
        refuse(
            token.id != next_id,
            path,
            f"its added token {shown(token.content)} has the id {token.id}, for which the library takes {next_id}, the "
            "next one after the vocabulary",
        )
        next_id += 1


def check_single_bytes(parts: TokenizerParts) -> None:
    """Raise an error if ordinary text may have a byte whose only token is an added one.

    Such a byte is encoded as that token here. The `tokenizers` library looks for its stand-in, and drops it.

    Raises:
        ValueError: there is such a token.
    """
    if parts.characters is not None:
        return
    rules, added = parts.rules, parts.added_ids
    words = {token.content for token in rules.added_tokens if token.single_word}
    added_ids = set(added.values())
    may_change = bool(rules.normalizer or rules.prefix_space)
    ordinary = {token for token_id, token in parts.vocab.items() if token_id not in added_ids}
    for content in added:
        byte = content.encode()
        is_found = content not in words and not may_change
        if len(byte) == 1 and byte not in ordinary and to_stand_ins(byte) != content and not is_found:
            raise ValueError(
                f"the added token {content!r} is the only token of a byte, which libraries drop where they do not find "
                "the token: give the byte a token of its own"
            )
