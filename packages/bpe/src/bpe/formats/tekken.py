"""Mistral's `tekken.json`: tokens with their bytes in base64 and their ranks, a split pattern, and special tokens.

Special tokens have the lowest ids, and the id of another token is its rank after those. Only as many tokens are used as
`default_vocab_size` allows. The merges are recovered from the ranks (`bpe.formats.merge_recovery`). The format is
described by the code of `mistral-common`.
"""

from binascii import Error as Base64Error, a2b_base64
from collections.abc import Sequence
from typing import Any

from bpe.formats.merge_recovery import recover_merges
from bpe.formats.parts import MAX_TOKEN_BYTES, MAX_VOCAB_SIZE, TokenizerFileError, TokenizerParts
from bpe.formats.portable_patterns import check_portable_pattern
from bpe.formats.reading import FilePath, field, shown
from bpe.patterns import PATTERNS
from bpe.templates import TEXT, TEXT_ALONE, Piece, Template
from bpe.text_rules import TextRules

_FIRST_SPECIAL_TOKENS = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]"),
    *("[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]"),
    *("[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"),
)
"""The special tokens of the versions up to 7, whose files do not contain them."""

_VERSIONS_WITHOUT_SPECIAL_TOKENS = ("v1", "v2", "v3", "v7")
_BEGIN = "<s>"


def tekken_from_json(content: Any, path: FilePath) -> TokenizerParts:
    """Return the parts of a tokenizer from the content of a `tekken.json`.

    Raises:
        TokenizerFileError: the file is damaged (the entry is named), or its pattern is not allowed in files.
    """
    config = field(content, "config", dict, path)
    pattern = field(config, "pattern", str, path)
    try:
        check_portable_pattern(pattern)
    except ValueError as error:
        raise TokenizerFileError(f"{path}: {error}") from None
    num_special = _count(config, "default_num_special_tokens", path)
    special_tokens = _special_tokens(content, num_special, path)
    num_ordinary = _count(config, "default_vocab_size", path) - num_special
    entries = field(content, "vocab", list, path)
    if not 0 <= num_ordinary <= len(entries):
        raise TokenizerFileError(
            f"{path}: default_vocab_size leaves {num_ordinary} tokens besides the {num_special} special ones, but the "
            f"file has {len(entries)}"
        )
    ranks = _ranks(entries[:num_ordinary], path)
    merges, never_made = recover_merges(ranks)
    vocab = {num_special + rank: token for token, rank in ranks.items()}
    vocab |= {token_id: token.encode() for token, token_id in special_tokens.items()}
    begin = special_tokens.get(_BEGIN)
    template = TEXT_ALONE if begin is None else Template((Piece(_BEGIN, (begin,)), TEXT))
    pattern = f"(?:{pattern})" if pattern in PATTERNS else pattern  # an expression that matches the name, not the name
    try:
        return TokenizerParts(vocab, merges, special_tokens, pattern, bool(never_made), TextRules(template=template))
    except ValueError as error:
        raise TokenizerFileError(f"{path}: {error}") from None


def _count(config: dict[str, Any], name: str, path: FilePath) -> int:
    count: int = field(config, name, int, path)
    if isinstance(count, bool) or not 0 <= count <= MAX_VOCAB_SIZE:
        raise TokenizerFileError(f"{path}: {name} is {shown(count)}; it goes from 0 to {MAX_VOCAB_SIZE}")
    return count


def _ranks(entries: Sequence[Any], path: FilePath) -> dict[bytes, int]:
    """Return the rank of each token, which is its place."""
    ranks: dict[bytes, int] = {}
    for rank, entry in enumerate(entries):
        match entry:
            case {"rank": int(given), "token_bytes": str(text)} if given == rank:
                token = _from_base64(text)
            case _:
                token = b""
        if not 0 < len(token) <= MAX_TOKEN_BYTES:
            raise TokenizerFileError(
                f"{path}, token {rank}: expected the rank {rank} and 1 to {MAX_TOKEN_BYTES} bytes in base64, found "
                f"{shown(entry)}: the file is damaged, or not a tekken.json"
            )
        if ranks.setdefault(token, rank) != rank:
            raise TokenizerFileError(f"{path}, token {rank}: it has the bytes of token {ranks[token]}: remove one")
    return ranks


def _from_base64(text: str) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except (ValueError, Base64Error):
        return b""


def _special_tokens(content: dict[str, Any], count: int, path: FilePath) -> dict[str, int]:
    """Return the id of each special token. Those that the file does not name are `<SPECIAL_20>` and so on."""
    given = content.get("special_tokens")
    version = content["config"].get("version")
    if given is None and version not in _VERSIONS_WITHOUT_SPECIAL_TOKENS:
        raise TokenizerFileError(f"{path} is of version {shown(version)} and has no special_tokens: download it again")
    if given is None:
        given = [{"rank": rank, "token_str": token} for rank, token in enumerate(_FIRST_SPECIAL_TOKENS)]
    tokens: dict[str, int] = {}
    for rank, entry in enumerate(given if isinstance(given, list) else [given]):
        match entry:
            case {"rank": int(at), "token_str": str(token)} if at == rank < count and token and token not in tokens:
                tokens[token] = rank
            case _:
                raise TokenizerFileError(
                    f"{path}, special token {rank} of {count}: expected the rank {rank} and a text that no other one "
                    f"has, found {shown(entry)}"
                )
    for rank in range(len(tokens), count):
        if tokens.setdefault(f"<SPECIAL_{rank}>", rank) != rank:
            raise TokenizerFileError(f"{path}: it has a special token <SPECIAL_{rank}> of another rank")
    return tokens
