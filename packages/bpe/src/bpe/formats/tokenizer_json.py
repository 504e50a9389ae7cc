"""Hugging Face's `tokenizer.json`, in which the `tokenizers` library stores a complete tokenizer.

It can describe many algorithms, of which byte-level BPE is one. A file that this package cannot reproduce exactly
raises an error.
"""

import json

from bpe.added_tokens import AddedToken
from bpe.formats.added_tokens import added_tokens_from_json, added_tokens_to_json, check_ids
from bpe.formats.normalizers import normalizer_from_json, normalizer_to_json
from bpe.formats.parts import TokenizerFileError, TokenizerParts
from bpe.formats.pre_tokenizers import pre_tokenizer_from_json, pre_tokenizer_to_json
from bpe.formats.reading import FilePath, field, read_json, refuse, shown
from bpe.formats.templates import template_from_json, template_to_json
from bpe.formats.token_table import (
    merges_from_stand_ins,
    merges_to_stand_ins,
    vocab_from_json,
    vocab_to_json,
)
from bpe.text_files import whole_file
from bpe.text_rules import TextRules


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
        "added_tokens": added_tokens_to_json(parts.special_tokens, parts.rules.added_tokens),
        "normalizer": normalizer_to_json(parts.rules.normalizer),
        "pre_tokenizer": pre_tokenizer_to_json(parts.pattern, prefix_space=parts.rules.prefix_space),
        "post_processor": template_to_json(parts.rules.template),
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

    Truncation and padding are ignored: they are for batches, and do not change the ids of the text itself. The decoder
    is ignored too: ids are decoded to their bytes.

    Raises:
        TokenizerFileError: the file is damaged, or needs something that this package cannot do exactly, such as another
            model, dropout, or a step of another type.
        OSError: the file cannot be read.
    """
    content = read_json(path)
    model = field(content, "model", dict, path)
    refuse(model.get("type", "BPE") != "BPE", path, f"its model is {shown(model.get('type'))}, not 'BPE'")
    normalizer = normalizer_from_json(content.get("normalizer"), path)
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"):
        refuse(bool(model.get(option)), path, f"its model has {option} = {shown(model.get(option))}")
    ignore_merges = model.get("ignore_merges", False)
    refuse(not isinstance(ignore_merges, bool), path, f"its model has ignore_merges = {shown(ignore_merges)}")
    added = added_tokens_from_json(content, path)
    vocab = vocab_from_json(field(model, "vocab", dict, path), {token.content for token in added}, path)
    for token in added:
        if vocab.setdefault(token.id, token.content.encode()) != token.content.encode():
            raise TokenizerFileError(
                f"{path}: id {token.id} is assigned to {shown(token.content)} and to {shown(vocab[token.id])}: "
                "remove one"
            )
    check_ids(added, model["vocab"], path)
    merges = merges_from_stand_ins(enumerate(field(model, "merges", list, path)), path, "merge")
    pattern, prefix_space = pre_tokenizer_from_json(content.get("pre_tokenizer"), path)
    special_tokens = {token.content: token.id for token in added if token == AddedToken(token.content, token.id)}
    others = tuple(token for token in added if token.content not in special_tokens)
    template = template_from_json(content.get("post_processor"), path)
    for piece in (*template.single, *template.pair):
        for token_id in piece.ids or ():
            if token_id not in vocab:
                raise TokenizerFileError(
                    f"{path}: its post_processor adds {shown(piece.name)} with the id {token_id}, which is not in the "
                    "vocabulary"
                )
    rules = TextRules(others, normalizer, prefix_space, template)
    try:
        return TokenizerParts(vocab, merges, special_tokens, pattern, ignore_merges, rules)
    except ValueError as error:
        raise TokenizerFileError(f"{path}: {error}") from None
