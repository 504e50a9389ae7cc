"""What a tokenizer is pickled as: the arguments that it was built from, in a form that equal tokenizers share.

Caches and machine code are built again. Libraries that recognize a function by its pickle, as `datasets` does to find
earlier results, recognize one that uses a tokenizer, in every process and whatever the tokenizer has encoded before.
Strings of bytes are packed, since the pickle of a list of them depends on which of its items are the same object.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

from bpe.character_model import CharacterModel
from bpe.checks import Engine
from bpe.pre_tokenizers import SplitSteps
from bpe.reference import Pair
from bpe.text_rules import TextRules


@dataclass(frozen=True)
class PackedBytes:
    """A list of strings of bytes."""

    joined: bytes
    """All of them."""
    lengths: "array[int]"
    """The length of each."""

    @classmethod
    def of(cls, items: Iterable[bytes]) -> "PackedBytes":
        """Pack a list."""
        items = list(items)
        return cls(b"".join(items), array("I", map(len, items)))

    def unpack(self) -> list[bytes]:
        """Return the list."""
        joined = self.joined
        return [joined[end - length : end] for length, end in zip(self.lengths, accumulate(self.lengths), strict=True)]


@dataclass(frozen=True)
class PickledTokenizer:
    """The arguments of a tokenizer."""

    ids: "array[int]"
    tokens: PackedBytes
    merges: PackedBytes
    """The two sides of each merge, one after the other."""
    special_tokens: Sequence[tuple[str, int]]
    pattern: str | SplitSteps
    ignore_merges: bool
    rules: TextRules
    characters: CharacterModel | None
    engine: Engine

    @classmethod
    def of(
        cls,
        vocab: Mapping[int, bytes],
        merges: Iterable[Pair],
        special_tokens: Mapping[str, int],
        *,
        pattern: str | SplitSteps,
        ignore_merges: bool,
        rules: TextRules,
        characters: CharacterModel | None,
        engine: Engine,
    ) -> "PickledTokenizer":
        """Pack the arguments of `bpe.Tokenizer`."""
        ids = sorted(vocab)
        return cls(
            array("Q", ids),
            PackedBytes.of(map(vocab.__getitem__, ids)),
            PackedBytes.of(chain.from_iterable(merges)),
            tuple(special_tokens.items()),
            pattern,
            ignore_merges,
            rules,
            characters,
            engine,
        )

    @property
    def vocab(self) -> dict[int, bytes]:
        """The bytes of each id."""
        return dict(zip(self.ids, self.tokens.unpack(), strict=True))

    @property
    def merge_pairs(self) -> list[Pair]:
        """The merges in order."""
        sides = iter(self.merges.unpack())
        return list(zip(sides, sides, strict=True))
