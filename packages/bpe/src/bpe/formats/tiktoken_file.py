"""tiktoken's `.tiktoken`: one token a line, its bytes in base64, then a space and its rank.

A rank is both the id of a token and its priority: the lowest is merged first. The file contains no merges (they are
recovered from the ranks), no split pattern and no special tokens. Llama 3's `tokenizer.model` is such a file too.
"""

from binascii import Error as Base64Error, a2b_base64, b2a_base64

from bpe.formats.merge_recovery import recover_merges
from bpe.formats.parts import MAX_TOKEN_BYTES, MAX_VOCAB_SIZE, TokenizerFileError, TokenizerParts
from bpe.formats.reading import FilePath, read_bytes, shown
from bpe.text_files import whole_file

_MAX_DIGITS = len(str(MAX_VOCAB_SIZE))


def read_tiktoken(path: FilePath) -> dict[bytes, int]:
    """Read the rank of each token.

    Raises:
        TokenizerFileError: the file is damaged (the line is named).
        OSError: the file cannot be read.
    """
    ranks: dict[bytes, int] = {}
    lines_of_ranks: dict[int, int] = {}
    for number, line in enumerate(read_bytes(path).split(b"\n"), start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            text, digits = fields
            token, rank = a2b_base64(text, strict_mode=True), int(digits[: _MAX_DIGITS + 1])
        except (ValueError, Base64Error):
            token, rank = b"", -1
        if not token or not digits.isdigit():
            raise TokenizerFileError(
                f"{path}, line {number}: expected a token in base64, a space and its rank, found {shown(line)}: "
                "the file is damaged, or not a .tiktoken file"
            )
        if rank >= MAX_VOCAB_SIZE or len(token) > MAX_TOKEN_BYTES:
            raise TokenizerFileError(
                f"{path}, line {number}: a token of {len(token)} bytes with the rank {shown(digits)}; ranks go from 0 "
                f"to {MAX_VOCAB_SIZE - 1}, and tokens have at most {MAX_TOKEN_BYTES} bytes"
            )
        if token in ranks or rank in lines_of_ranks:
            first = lines_of_ranks[ranks.get(token, rank)]
            raise TokenizerFileError(
                f"{path}, line {number}: its token or its rank is already on line {first}: remove one of the lines"
            )
        ranks[token] = rank
        lines_of_ranks[rank] = number
    if not ranks:
        raise TokenizerFileError(f"{path} contains no token: it is damaged, or not a .tiktoken file")
    return ranks


def write_tiktoken(path: FilePath, parts: TokenizerParts) -> None:
    """Write a `.tiktoken` file, with which tiktoken gives the same ids. Special tokens are not written.

    Raises:
        ValueError: reading the file would not give this tokenizer again (see `_check_ranks`).
        OSError: the file cannot be written.
    """
    special_ids = set(parts.added_ids.values())
    ranks: dict[bytes, int] = {}
    for token_id, token in sorted(parts.vocab.items()):
        if token_id in special_ids:
            continue
        if not token:
            raise ValueError(f"id {token_id} has no bytes, which a .tiktoken file cannot express: remove it")
        if token in ranks:
            raise ValueError(
                f"ids {ranks[token]} and {token_id} both have the bytes {shown(token)}, but a .tiktoken file contains "
                "a token once: save a tokenizer.json, or remove one"
            )
        ranks[token] = token_id
    _check_ranks(ranks, parts)
    lines = [b"%s %d\n" % (b2a_base64(token, newline=False), rank) for token, rank in ranks.items()]
    with whole_file(path) as file:
        file.write(b"".join(lines))


def _check_ranks(ranks: dict[bytes, int], parts: TokenizerParts) -> None:
    """Raise an error for a tokenizer that its ranks do not determine.

    As ids are ranks, ids must increase from merge to merge; each token must be made by one merge, the one that the
    ranks imply; and tiktoken encodes a whole piece that is a token as that token, even if no merge makes it.
    """
    merges, unreachable = recover_merges(ranks)
    wanted = list(dict.fromkeys(parts.merges))
    remedy = "save a tokenizer.json instead (`save`), which contains the merges themselves"
    if merges != wanted:
        ids = [ranks.get(left + right, -1) for left, right in wanted]
        for rank in range(1, len(ids)):
            if ids[rank] < ids[rank - 1]:
                raise ValueError(
                    f"merge {rank} makes id {ids[rank]} after merge {rank - 1} made id {ids[rank - 1]}: in a .tiktoken "
                    f"file the lower id is merged first, so it would encode differently; {remedy}"
                )
        differing = sorted(set(merges) ^ set(wanted))[0]
        raise ValueError(
            f"the merge of {shown(differing[0])} and {shown(differing[1])} is not what a .tiktoken file of these ids "
            f"implies, so it would encode differently; {remedy}"
        )
    if unreachable and not parts.ignore_merges:
        raise ValueError(
            f"no merge makes the token {shown(unreachable[0])} (id {ranks[unreachable[0]]}), which tiktoken would "
            f"find as a whole piece; {remedy}, remove it, or build the tokenizer with ignore_merges=True"
        )
