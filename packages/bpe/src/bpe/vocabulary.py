"""Which id has which bytes, where special and ordinary tokens share a vocabulary."""

from collections.abc import Mapping, Sequence, Set

BYTES_OF_UTF8 = tuple(bytes([byte]) for byte in (*range(0xC0), *range(0xC2, 0xF5)))
"""The single bytes that UTF-8 is made of. The others are in no text, and some vocabularies do not have them."""


def place_special_tokens(vocab: dict[int, bytes], special_tokens: Sequence[str] | Mapping[str, int]) -> dict[str, int]:
    """Find the id of each special token, and add those to `vocab` that are missing.

    Args:
        vocab: the bytes of each id; changed in place.
        special_tokens: tokens with their ids; or tokens alone, which have the lowest id with their bytes, or else an id
            after the largest.

    Raises:
        ValueError: an id of `vocab` is negative, or a given id has other bytes.
    """
    if isinstance(special_tokens, Mapping):
        ids = dict(special_tokens)
        for token, token_id in ids.items():
            if vocab.setdefault(token_id, token.encode()) != token.encode():
                raise ValueError(
                    f"id {token_id} is assigned to the special token {token!r} and to {vocab[token_id]!r}: "
                    "give the special token another id"
                )
    else:
        encoded = {token.encode() for token in special_tokens}
        lowest_id: dict[bytes, int] = {}
        for token_id, token_bytes in vocab.items():
            if token_bytes in encoded:
                lowest_id[token_bytes] = min(token_id, lowest_id.get(token_bytes, token_id))
        ids = {}
        next_id = max(vocab, default=-1) + 1
        for token in special_tokens:
            ids[token] = lowest_id.get(token.encode(), next_id)
            if ids[token] == next_id:
                vocab[next_id] = token.encode()
                next_id += 1
    if vocab and min(vocab) < 0:
        raise ValueError(f"id {min(vocab)} is negative: ids start at 0")
    return ids


def ids_of_tokens(vocab: Mapping[int, bytes], special_ids: Set[int]) -> dict[bytes, int]:
    """Map the bytes of ordinary tokens to their ids, the lowest if several have the same bytes.

    The bytes of a special token have its id only if no ordinary token has the same bytes: then a merge may make them.
    Special ids that are not in `vocab` are ignored, as it is not complete yet for a tokenizer of `bpe.tokenizer_lazy`.
    """
    ordinary = sorted(vocab.keys() - special_ids)
    by_precedence = [*ordinary, *sorted(vocab.keys() & special_ids)]
    return {vocab[token_id]: token_id for token_id in reversed(by_precedence)}
