"""Random vocabularies: trained by both engines, or grown from random pairs; with ids in order or scattered."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from bpe import train_bpe

from .differences import DifferenceError

Pair = tuple[bytes, bytes]

_LONGEST_TOKEN = 40


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and merges."""

    vocab: Mapping[int, bytes]
    merges: Sequence[Pair]


def trained(random: Random, texts: Sequence[str], specials: Sequence[str], pattern: str) -> Vocabulary:
    """Train on texts with both engines.

    Raises:
        DifferenceError: the engines learn different merges.
    """
    size = 256 + len(specials) + random.randint(0, 250)
    options = {"min_frequency": random.choice((1, 1, 2)), "max_token_length": random.choice((None, None, 5, 16))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is nothing left to merge
        learned = [
            train_bpe(iter(texts), size, specials, pattern=pattern, engine=engine, **options)
            for engine in ("reference", "compiled")
        ]
    if learned[0] != learned[1]:
        raise DifferenceError("training", "\n".join(texts), learned[0][1], learned[1][1])
    return Vocabulary(*learned[0])


def grown(random: Random, symbols: Sequence[bytes], first: Sequence[bytes]) -> Vocabulary:
    """Merge random neighbours in a text again and again; sometimes the ranks are in another order than the merges.

    Args:
        random: the source of randomness.
        symbols: the text.
        first: the tokens that there are without any merge.
    """
    merges: dict[Pair, None] = {}
    tokens = dict.fromkeys(first)
    text = list(symbols)
    for _ in range(random.randint(0, 200) if len(text) > 1 else 0):
        k = random.randrange(len(text) - 1)
        pair = text[k], text[k + 1]
        if len(pair[0] + pair[1]) > _LONGEST_TOKEN:
            continue
        merges[pair] = None
        tokens[pair[0] + pair[1]] = None
        text = _merged(text, pair)
        if len(text) < 2:
            break
    ordered = list(merges)
    if random.random() < 0.2:
        random.shuffle(ordered)
    return Vocabulary(dict(enumerate(tokens)), ordered)


def _merged(text: Sequence[bytes], pair: Pair) -> list[bytes]:
    result: list[bytes] = []
    for token in text:
        if result and (result[-1], token) == pair:
            result[-1] += token
        else:
            result.append(token)
    return result


def with_more_tokens(random: Random, vocabulary: Vocabulary, words: Sequence[bytes]) -> Vocabulary:
    """Add tokens that no merge makes."""
    known = set(vocabulary.vocab.values())
    new = [word for word in dict.fromkeys(words) if word and word not in known]
    new = random.sample(new, min(len(new), 20))
    start = max(vocabulary.vocab) + 1
    return Vocabulary({**vocabulary.vocab, **dict(enumerate(new, start))}, vocabulary.merges)


def without_some_bytes(random: Random, vocabulary: Vocabulary) -> Vocabulary:
    """Remove some bytes that no merge needs: a text with one of them cannot be encoded."""
    merged = {token for pair in vocabulary.merges for token in pair}
    single = [k for k, token in vocabulary.vocab.items() if len(token) == 1 and token not in merged]
    removed = set(random.sample(single, min(len(single), random.choice((1, 3, 50)))))
    return Vocabulary({k: token for k, token in vocabulary.vocab.items() if k not in removed}, vocabulary.merges)


def renumbered(random: Random, vocabulary: Vocabulary) -> Vocabulary:
    """Give the tokens other ids: in another order, with gaps, above 65,535."""
    if random.random() < 0.5:
        return vocabulary
    first, step = random.choice(((0, 1), (0, 3), (65_000, 1), (70_000, 7)))
    ids = list(range(first, first + step * len(vocabulary.vocab), step))
    random.shuffle(ids)
    return Vocabulary(dict(zip(ids, vocabulary.vocab.values(), strict=True)), vocabulary.merges)
