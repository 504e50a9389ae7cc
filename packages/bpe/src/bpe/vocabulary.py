"""Which id stands for which bytes, where special and ordinary tokens share a vocabulary."""

from collections.abc import Mapping, Sequence


def place_special_tokens(vocab: dict[int, bytes], special_tokens: Sequence[str]) -> dict[str, int]:
    """Find the id of each special token, appending to `vocab` those that it lacks.

    Raises:
        ValueError: an id of `vocab` is negative.
    """
    if vocab and min(vocab) < 0:
        raise ValueError(f"id {min(vocab)} is negative: ids count from 0")
    lowest_id: dict[bytes, int] = {}
    for token_id in sorted(vocab):
        lowest_id.setdefault(vocab[token_id], token_id)
    ids = {}
    next_id = max(vocab, default=-1) + 1
    for token in special_tokens:
        if token.encode() not in lowest_id:
            vocab[next_id] = token.encode()
            lowest_id[token.encode()] = next_id
            next_id += 1
        ids[token] = lowest_id[token.encode()]
    return ids


def ids_of_tokens(vocab: Mapping[int, bytes], special_ids: set[int]) -> dict[bytes, int]:
    """Map the bytes of ordinary tokens to their ids, the lowest where several have the same bytes.

    A special token's id stands for its bytes only where no other id does: then a merge may produce them.
    """
    id_of: dict[bytes, int] = {}
    for token_id in sorted(vocab, key=lambda token_id: (token_id in special_ids, token_id)):
        id_of.setdefault(vocab[token_id], token_id)
    return id_of
