"""Hugging Face's `tokenizer.json`, in which the `tokenizers` library stores a complete tokenizer.

It can describe many algorithms, of which byte-level BPE is one. A file that this package cannot reproduce exactly
raises an error.
"""

import json
from bisect import bisect_right
from operator import itemgetter
from typing import Any

from bpe.formats.parts import TokenizerFileError, TokenizerParts
from bpe.formats.reading import FilePath, field, read_json, refuse, shown
from bpe.formats.sequences import steps_of
from bpe.formats.split_patterns import pattern_from_json, pattern_to_json
from bpe.formats.token_table import (
    check_id,
    encode_text,
    merges_from_stand_ins,
    merges_to_stand_ins,
    vocab_from_json,
    vocab_to_json,
)
from bpe.text_files import whole_file


def write_tokenizer_json(path: FilePath, parts: TokenizerParts) -> None:
    """Write a `tokenizer.json` with which the `tokenizers` library gives the same ids.

    Raises:
        ValueError: two ids would be written in the same way, a merge involves a special token, or the library may
            interpret the pattern differently.
        OSError: the file cannot be written.
    """
    vocab = vocab_to_json(parts)
    merges = merges_to_stand_ins(parts.merges)
    for left, right in merges:
        if not {left, right, left + right} <= vocab.keys():
            raise ValueError(
                f"the merge of {left!r} and {right!r} involves a special token, or a token that is not in the "
                "vocabulary: such a tokenizer cannot be stored as tokenizer.json"
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
        "pre_tokenizer": pattern_to_json(parts.pattern),
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
            "ignore_merges": parts.ignore_merges,
            "vocab": vocab,
            "merges": merges,
        },
    }
    with whole_file(path) as file:
        file.write(json.dumps(content, ensure_ascii=False, indent=1).encode())


def read_tokenizer_json(path: FilePath) -> TokenizerParts:
    """Read a `tokenizer.json` that describes byte-level BPE.

    The post-processor (which adds special tokens around a text), truncation and padding are ignored: they are for
    batches, and do not change the ids of the text itself. The decoder is ignored too: ids are decoded to their bytes.
    All added tokens become special tokens.

    Raises:
        TokenizerFileError: the file is damaged, or needs something that this package cannot do exactly: another model,
            a normalizer, dropout, added tokens that include the space around them or are found in two passes.
        OSError: the file cannot be read.
    """
    content = read_json(path)
    model = field(content, "model", dict, path)
    refuse(model.get("type", "BPE") != "BPE", path, f"its model is {shown(model.get('type'))}, not 'BPE'")
    for step in steps_of(content.get("normalizer"), "normalizer", "normalizers", path):
        refuse(True, path, f"it has a normalizer of type {shown(step['type'])}")
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"):
        refuse(bool(model.get(option)), path, f"its model has {option} = {shown(model.get(option))}")
    ignore_merges = model.get("ignore_merges", False)
    refuse(not isinstance(ignore_merges, bool), path, f"its model has ignore_merges = {shown(ignore_merges)}")
    special_tokens = _special_tokens(content, path)
    vocab = vocab_from_json(field(model, "vocab", dict, path), special_tokens, path)
    for text, token_id in special_tokens.items():
        if vocab.setdefault(token_id, text.encode()) != text.encode():
            raise TokenizerFileError(
                f"{path}: id {token_id} is assigned to {shown(text)} and to {shown(vocab[token_id])}: remove one"
            )
        if model["vocab"].get(text, token_id) != token_id:
            raise TokenizerFileError(
                f"{path}: {shown(text)} has the ids {token_id} and {model['vocab'][text]}: remove one"
            )
    merges = merges_from_stand_ins(enumerate(field(model, "merges", list, path)), path, "merge")
    pattern = pattern_from_json(content.get("pre_tokenizer"), path)
    try:
        return TokenizerParts(vocab, merges, special_tokens, pattern, ignore_merges)
    except ValueError as error:
        raise TokenizerFileError(f"{path}: {error}") from None


def _special_tokens(content: Any, path: FilePath) -> dict[str, int]:
    """Return the id of each added token."""
    added = content.get("added_tokens") or []
    if not isinstance(added, list) or not all(isinstance(token, dict) for token in added):
        raise TokenizerFileError(f"{path}: 'added_tokens' is not a list of objects")
    ids: dict[str, int] = {}
    for token in added:
        text = field(token, "content", str, path)
        if not encode_text(text, path):
            raise TokenizerFileError(f"{path}: an added token is empty: remove it")
        for option in ("single_word", "lstrip", "rstrip"):
            refuse(bool(token.get(option)), path, f"its added token {shown(text)} has {option} = true")
        if text in ids:
            raise TokenizerFileError(f"{path}: the added token {shown(text)} is given twice: remove one")
        ids[text] = check_id(token.get("id"), text, path)
    normalized = [token["content"] for token in added if token.get("normalized", not token.get("special"))]
    others = list(ids.keys() - set(normalized))
    refuse(
        _may_overlap(normalized, others) or _may_overlap(others, normalized),
        path,
        "its added tokens with normalized = true and those without may overlap in a text, and the library finds one "
        "kind after the other",
    )
    return ids


def _may_overlap(some: list[str], others: list[str]) -> bool:
    """Return whether one of `others` may start inside one of `some`, or be a prefix of it."""
    inside = set("".join(token[1:] for token in some))
    in_order = [*sorted(some), ""]
    return any(
        token[0] in inside or in_order[bisect_right(in_order, token, hi=len(some))].startswith(token)
        for token in others
    )
