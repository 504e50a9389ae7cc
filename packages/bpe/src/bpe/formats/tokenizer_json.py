"""Hugging Face's `tokenizer.json`, in which the `tokenizers` library stores a complete tokenizer.

It can describe many algorithms, of which BPE is one, over bytes or over characters. A file that this package cannot
reproduce exactly raises an error.
"""

import json
from collections.abc import Sequence
from typing import Any

from bpe.added_tokens import AddedToken
from bpe.formats.added_tokens import added_tokens_from_json, added_tokens_to_json, check_ids, check_single_bytes
from bpe.formats.character_models import character_model_from_json, decoder_to_json, model_options
from bpe.formats.normalizers import normalizer_from_json, normalizer_to_json
from bpe.formats.parts import TokenizerFileError, TokenizerParts
from bpe.formats.pre_tokenizers import (
    character_pre_tokenizer_from_json,
    character_pre_tokenizer_to_json,
    pre_tokenizer_from_json,
    pre_tokenizer_to_json,
)
from bpe.formats.reading import FilePath, field, read_json, refuse, shown
from bpe.formats.sequences import steps_of
from bpe.formats.templates import template_from_json, template_to_json
from bpe.formats.token_table import (
    merges_from_stand_ins,
    merges_to_stand_ins,
    tokens_in_plain_text,
    vocab_from_json,
    vocab_to_json,
)
from bpe.garbage import collector_paused
from bpe.pre_tokenizers import SplitSteps
from bpe.text_files import whole_file
from bpe.text_rules import TextRules


def write_tokenizer_json(path: FilePath, parts: TokenizerParts) -> None:
    """Write a `tokenizer.json` with which the `tokenizers` library gives the same ids.

    Raises:
        ValueError: two ids would be written in the same way, a merge involves a special token, a byte has only an
            added token, or the library may interpret the pattern differently.
        OSError: the file cannot be written.
    """
    check_single_bytes(parts)
    in_stand_ins = parts.characters is None
    vocab = vocab_to_json(parts)
    merges = merges_to_stand_ins(parts.merges, in_stand_ins=in_stand_ins)
    for left, right in merges:
        if not {left, right, left + right} <= vocab.keys():
            raise ValueError(
                f"the merge of {left!r} and {right!r} involves a special token, or a token that is not in the "
                "vocabulary: such a tokenizer cannot be stored as tokenizer.json"
            )
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": parts.ignore_merges,
    }
    rules = parts.rules
    pre_tokenizer: dict[str, Any] | None
    if parts.characters is None:
        pre_tokenizer = pre_tokenizer_to_json(parts.pattern, prefix_space=rules.prefix_space)
        decoder = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    else:
        pre_tokenizer = character_pre_tokenizer_to_json(parts.pattern, rules.metaspace)
        decoder = decoder_to_json(parts.characters)
        model |= model_options(parts.characters)
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens_to_json(parts.special_tokens, rules.added_tokens),
        "normalizer": normalizer_to_json(rules.normalizer),
        "pre_tokenizer": pre_tokenizer,
        "post_processor": template_to_json(rules.template),
        "decoder": decoder,
        "model": model | {"vocab": vocab, "merges": merges},
    }
    with whole_file(path) as file:
        file.write(json.dumps(content, ensure_ascii=False, indent=1).encode())


def read_tokenizer_json(path: FilePath) -> TokenizerParts:
    """Read a `tokenizer.json` that describes BPE, over bytes or over characters.

    Truncation and padding are ignored: they are for batches, and do not change the ids of the text itself. For BPE over
    bytes the decoder is ignored too: ids are decoded to their bytes.

    Raises:
        TokenizerFileError: the file is damaged, or needs something that this package cannot do exactly, such as another
            model, dropout, or a step of another type.
        OSError: the file cannot be read.
    """
    with collector_paused():
        return tokenizer_from_json(read_json(path), path)


def tokenizer_from_json(content: Any, path: FilePath) -> TokenizerParts:
    """Return the parts of a tokenizer from the content of a `tokenizer.json`. Errors are those of reading it."""
    model = field(content, "model", dict, path)
    refuse(model.get("type", "BPE") != "BPE", path, f"its model is {shown(model.get('type'))}, not 'BPE'")
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        refuse(bool(model.get(option)), path, f"its model has {option} = {shown(model.get(option))}")
    ignore_merges = model.get("ignore_merges", False)
    refuse(not isinstance(ignore_merges, bool), path, f"its model has ignore_merges = {shown(ignore_merges)}")
    is_byte_level = _is_byte_level(content, path)
    added = added_tokens_from_json(content, path)
    vocab_content = field(model, "vocab", dict, path)
    vocab = _vocab(vocab_content, added, path, in_stand_ins=is_byte_level)
    entries = enumerate(field(model, "merges", list, path))
    merges = merges_from_stand_ins(entries, path, "merge", in_stand_ins=is_byte_level)
    characters, metaspace, prefix_space = None, None, False
    pattern: str | SplitSteps
    if is_byte_level:
        byte_fallback = model.get("byte_fallback")
        refuse(bool(byte_fallback), path, f"its model has byte_fallback = {shown(byte_fallback)} and a ByteLevel step")
        pattern, prefix_space = pre_tokenizer_from_json(content.get("pre_tokenizer"), path)
    else:
        characters = character_model_from_json(content, path)
        pattern, metaspace = character_pre_tokenizer_from_json(content.get("pre_tokenizer"), path)
    special_tokens = {token.content: token.id for token in added if token == AddedToken(token.content, token.id)}
    rules = TextRules(
        added_tokens=tuple(token for token in added if token.content not in special_tokens),
        normalizer=normalizer_from_json(content.get("normalizer"), path),
        prefix_space=prefix_space,
        metaspace=metaspace,
        template=template_from_json(content.get("post_processor"), vocab, path),
        never_encoded=(
            tokens_in_plain_text(vocab_content, {token.content for token in added}) if is_byte_level else frozenset()
        ),
    )
    try:
        parts = TokenizerParts(vocab, merges, special_tokens, pattern, ignore_merges, rules, characters)
        check_single_bytes(parts)
        return parts
    except ValueError as error:
        raise TokenizerFileError(f"{path}: {error}") from None


def _is_byte_level(content: Any, path: FilePath) -> bool:
    """Return whether tokens consist of bytes, as the pre-tokenizer or the decoder says, and not of characters."""
    parts = (("pre_tokenizer", "pretokenizers"), ("decoder", "decoders"))
    steps = [step for name, list_name in parts for step in steps_of(content.get(name), name, list_name, path)]
    return any(step["type"] == "ByteLevel" for step in steps)


def _vocab(
    content: dict[str, Any], added: Sequence[AddedToken], path: FilePath, *, in_stand_ins: bool
) -> dict[int, bytes]:
    """Return the bytes of each id, including added tokens."""
    vocab = vocab_from_json(content, {token.content for token in added}, path, in_stand_ins=in_stand_ins)
    for token in added:
        if vocab.setdefault(token.id, token.content.encode()) != token.content.encode():
            raise TokenizerFileError(
                f"{path}: id {token.id} is assigned to {shown(token.content)} and to {shown(vocab[token.id])}: "
                "remove one"
            )
    check_ids(added, content, path)
    return vocab
