"""Tokenizer files: Hugging Face's `tokenizer.json`, and GPT-2's `vocab.json` with `merges.txt`.

All of them are text and write a token's bytes in GPT-2's *stand-ins*: each of the 256 bytes has one printable
character. Bytes that are printable in Latin-1 stand for themselves, the others for U+0100, U+0101, …; so a
space (0x20) is `Ġ` and a newline (0x0A) `Ċ`. Special tokens are written as they are.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from bpe.patterns import PATTERNS, pattern_source
from bpe.reference import Pair
from bpe.text_files import whole_file

_MAX_ID = 2**32 - 1


class TokenizerFileError(ValueError):
    """A tokenizer file that is damaged, or asks for something that this package cannot do exactly."""


@dataclass(frozen=True)
class TokenizerParts:
    """What a tokenizer is made of."""

    vocab: dict[int, bytes]
    merges: list[Pair]
    special_tokens: dict[str, int]
    pattern: str


def _stand_ins() -> dict[int, str]:
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


_CHARACTER_OF = _stand_ins()
_BYTE_OF = {character: byte for byte, character in _CHARACTER_OF.items()}


def to_stand_ins(token: bytes) -> str:
    """Write bytes in printable stand-ins.

    >>> to_stand_ins(b" the")
    'Ġthe'
    """
    return "".join([_CHARACTER_OF[byte] for byte in token])


def from_stand_ins(text: str) -> bytes:
    """Read bytes written in printable stand-ins.

    Raises:
        ValueError: a character stands for no byte.
    """
    try:
        return bytes([_BYTE_OF[character] for character in text])
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} in {text!r} stands for no byte") from None


# ---------------------------------------------------------------- GPT-2: vocab.json and merges.txt


def read_vocab_json(path: str | os.PathLike[str], special_tokens: Sequence[str]) -> dict[int, bytes]:
    """Read a `vocab.json`, an object of token → id.

    A token that is named in `special_tokens`, or that is not written in stand-ins, is taken as plain text.
    """
    return _parse_vocab(_read_json(path), special_tokens, path)


def read_merges_txt(path: str | os.PathLike[str]) -> list[Pair]:
    """Read a `merges.txt`: a pair of tokens a line, after an optional line that starts with `#version`."""
    merges = []
    for number, line in enumerate(_read_utf8(path).split("\n"), start=1):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        merges.append(_parse_merge(line.rstrip("\r"), f"{path}, line {number}"))
    return merges


def write_vocab_json(path: str | os.PathLike[str], parts: TokenizerParts) -> None:
    """Write a `vocab.json`."""
    with whole_file(path) as file:
        file.write(json.dumps(_vocab_to_json(parts), ensure_ascii=False).encode())


def write_merges_txt(path: str | os.PathLike[str], merges: Sequence[Pair]) -> None:
    """Write a `merges.txt`."""
    lines = [f"{to_stand_ins(left)} {to_stand_ins(right)}\n" for left, right in merges]
    with whole_file(path) as file:
        file.write(("#version: 0.2\n" + "".join(lines)).encode())


# ---------------------------------------------------------------- Hugging Face: tokenizer.json


def write_tokenizer_json(path: str | os.PathLike[str], parts: TokenizerParts) -> None:
    """Write a `tokenizer.json` with which the `tokenizers` library gives the same ids."""
    vocab = _vocab_to_json(parts)
    merges = [[to_stand_ins(left), to_stand_ins(right)] for left, right in parts.merges]
    for left, right in merges:
        if not {left, right, left + right} <= vocab.keys():
            raise ValueError(
                f"the merge of {left!r} and {right!r} takes part in a special token or in one that the vocabulary "
                "lacks: such a tokenizer cannot be stored as tokenizer.json"
            )
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": token_id,
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token, token_id in sorted(parts.special_tokens.items(), key=itemgetter(1))
        ],
        "normalizer": None,
        "pre_tokenizer": _pattern_to_json(parts.pattern),
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": merges,
        },
    }
    with whole_file(path) as file:
        file.write(json.dumps(content, ensure_ascii=False, indent=1).encode())


def read_tokenizer_json(path: str | os.PathLike[str]) -> TokenizerParts:
    """Read a `tokenizer.json` that describes byte-level BPE.

    Its post-processor (which frames texts with special tokens), truncation and padding are not applied: they are
    for batches, and change no id of a text itself.

    Raises:
        TokenizerFileError: the file is damaged, or asks for what this package cannot do exactly: another model,
            a normalizer, dropout, special tokens that swallow the space around them.
    """
    content = _read_json(path)
    model = _field(content, "model", dict, path)
    _refuse(model.get("type", "BPE") != "BPE", path, f"its model is {model.get('type')!r}, not 'BPE'")
    _refuse(content.get("normalizer") is not None, path, "it has a normalizer")
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"):
        _refuse(bool(model.get(option)), path, f"its model has {option} = {model.get(option)!r}")
    added = content.get("added_tokens") or []
    if not isinstance(added, list) or not all(isinstance(token, dict) for token in added):
        raise TokenizerFileError(f"{path}: 'added_tokens' is not a list of objects")
    for token in added:
        for option in ("single_word", "lstrip", "rstrip"):
            _refuse(bool(token.get(option)), path, f"its added token {token.get('content')!r} has {option} = true")
    special_tokens = [_field(token, "content", str, path) for token in added]
    vocab = _parse_vocab(_field(model, "vocab", dict, path), special_tokens, path)
    special_ids = {}
    for token in added:
        text, token_id = token["content"], _check_id(token.get("id"), token["content"], path)
        special_ids[text] = token_id
        if vocab.setdefault(token_id, text.encode()) != text.encode():
            raise TokenizerFileError(f"{path}: id {token_id} is given to {text!r} and to {vocab[token_id]!r}")
        if model["vocab"].get(text, token_id) != token_id:
            raise TokenizerFileError(f"{path}: {text!r} has the ids {token_id} and {model['vocab'][text]}")
    if len(special_ids) < len(added):
        raise TokenizerFileError(f"{path}: an added token is given twice")
    merges = [
        _parse_merge(merge, f"{path}, merge {number}")
        for number, merge in enumerate(_field(model, "merges", list, path))
    ]
    return TokenizerParts(vocab, merges, special_ids, _pattern_from_json(content.get("pre_tokenizer"), path))


def _pattern_to_json(pattern: str) -> dict[str, Any]:
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    if pattern == PATTERNS["gpt2"]:  # which is the one built into ByteLevel
        return byte_level | {"use_regex": True}
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [split, byte_level | {"use_regex": False}]}


def _pattern_from_json(pre_tokenizer: Any, path: str | os.PathLike[str]) -> str:
    match pre_tokenizer:
        case {"type": "ByteLevel", "add_prefix_space": False, **rest} if rest.get("use_regex", True):
            return pattern_source("gpt2")
        case {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ],
        }:
            return pattern
    raise TokenizerFileError(
        f"{path}: its pre_tokenizer is neither ByteLevel nor a Split by regular expression followed by ByteLevel "
        "(both without add_prefix_space), so its ids could not be reproduced exactly"
    )


# ---------------------------------------------------------------- what the formats share


def _vocab_to_json(parts: TokenizerParts) -> dict[str, int]:
    special = {token_id: token for token, token_id in parts.special_tokens.items()}
    written: dict[str, int] = {}
    for token_id, token in sorted(parts.vocab.items()):
        text = special.get(token_id) or to_stand_ins(token)
        if text in written:
            raise ValueError(
                f"ids {written[text]} and {token_id} would both be written as {text!r}: "
                "this vocabulary cannot be stored as a JSON object of token → id"
            )
        written[text] = token_id
    return written


def _parse_vocab(content: Any, special_tokens: Sequence[str], path: str | os.PathLike[str]) -> dict[int, bytes]:
    if not isinstance(content, dict):
        raise TokenizerFileError(f"{path}: expected an object of token → id, found {type(content).__name__}")
    vocab: dict[int, bytes] = {}
    for text, token_id in content.items():
        if _check_id(token_id, text, path) in vocab:
            raise TokenizerFileError(f"{path}: id {token_id} is given to {text!r} and to {vocab[token_id]!r}")
        written_in_stand_ins = text not in special_tokens and all(character in _BYTE_OF for character in text)
        try:
            vocab[token_id] = from_stand_ins(text) if written_in_stand_ins else text.encode()
        except UnicodeEncodeError:
            raise TokenizerFileError(f"{path}: token {text!r} is not text that UTF-8 can hold") from None
    return vocab


def _check_id(token_id: Any, text: str, path: str | os.PathLike[str]) -> int:
    if not isinstance(token_id, int) or isinstance(token_id, bool) or not 0 <= token_id <= _MAX_ID:
        raise TokenizerFileError(f"{path}: token {text!r} has the id {token_id!r}; ids go from 0 to {_MAX_ID}")
    return token_id


def _parse_merge(merge: Any, where: str) -> Pair:
    pair = merge.split(" ") if isinstance(merge, str) else merge
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) and text for text in pair):
        raise TokenizerFileError(f"{where}: expected two tokens, found {merge!r}")
    try:
        return from_stand_ins(pair[0]), from_stand_ins(pair[1])
    except ValueError as error:
        raise TokenizerFileError(f"{where}: {error}") from None


def _read_utf8(path: str | os.PathLike[str]) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise TokenizerFileError(
            f"{path} is not UTF-8 (offset {error.start}): it is damaged, or no tokenizer"
        ) from None


def _read_json(path: str | os.PathLike[str]) -> Any:
    text = _read_utf8(path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise TokenizerFileError(f"{path} is not valid JSON: {error}; it is damaged, or no tokenizer") from None
    except RecursionError:
        raise TokenizerFileError(f"{path} is nested too deeply to be a tokenizer") from None


def _field(content: Any, name: str, kind: type, path: str | os.PathLike[str]) -> Any:
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, kind):
        raise TokenizerFileError(f"{path}: {name!r} is missing or not of type {kind.__name__}")
    return value


def _refuse(condition: bool, path: str | os.PathLike[str], reason: str) -> None:
    if condition:
        raise TokenizerFileError(f"{path}: {reason}, so its ids could not be reproduced exactly")
