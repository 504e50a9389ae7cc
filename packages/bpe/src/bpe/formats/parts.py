"""What a tokenizer is made of, and how large its parts may be in a file.

The limits apply to reading and to writing, so that what is written can be read again. They are far above every
tokenizer in use (the largest have some 260,000 entries and tokens of some hundred bytes), and they keep an untrusted
file from requesting memory out of proportion to its own size:

- Code that allocates a row for each id, such as an embedding, uses the largest id. One entry with the id 4,294,967,295
  would need four billion rows, so ids are below `MAX_VOCAB_SIZE`.
- Where a special token may begin, a string of each length that such tokens have is looked up, so they are at most
  `MAX_SPECIAL_TOKEN_LENGTH` long.
"""

from dataclasses import dataclass

from bpe.character_model import CharacterModel
from bpe.pre_tokenizers import SplitSteps
from bpe.reference import Pair
from bpe.text_rules import NO_RULES, TextRules

MAX_VOCAB_SIZE = 1 << 24
"""All ids are below this: 16,777,216."""

MAX_TOKEN_BYTES = 1 << 16
"""The longest token, in bytes: 65,536."""

MAX_SPECIAL_TOKEN_LENGTH = 256
"""The longest special token, in characters."""

MAX_SPECIAL_TOKENS_LENGTH = 1 << 20
"""All special tokens together, in characters: 1,048,576, which is 40,000 tokens of 26."""


class TokenizerFileError(ValueError):
    """A tokenizer file that is damaged, or that needs something this package cannot do exactly."""


@dataclass(frozen=True)
class TokenizerParts:
    """What a tokenizer is made of.

    Raises:
        ValueError: a part is larger than tokenizer files allow.
    """

    vocab: dict[int, bytes]
    """The bytes of each id, including special tokens."""
    merges: list[Pair]
    """The pairs to merge, in order of rank."""
    special_tokens: dict[str, int]
    """The id of each special token, except for those among the added tokens of the rules."""
    pattern: str | SplitSteps
    """The regular expression that splits text into pieces, or the steps that do."""
    ignore_merges: bool = False
    """Whether a piece that is itself a token is encoded as it, whatever the merges would give."""
    rules: TextRules = NO_RULES
    """What is done to a text besides."""
    characters: CharacterModel | None = None
    """The options of BPE over characters; None for BPE over bytes."""

    @property
    def added_ids(self) -> dict[str, int]:
        """The ids of all added tokens, special or not."""
        return self.special_tokens | {token.content: token.id for token in self.rules.added_tokens}

    def __post_init__(self) -> None:
        """Check the limits."""
        largest = max(self.vocab, default=0)
        if largest >= MAX_VOCAB_SIZE:
            raise ValueError(
                f"the vocabulary has the id {largest}, but tokenizer files allow ids below {MAX_VOCAB_SIZE}: "
                "number the tokens without large gaps"
            )
        longest = max(map(len, self.vocab.values()), default=0)
        if longest > MAX_TOKEN_BYTES:
            raise ValueError(
                f"the vocabulary has a token of {longest} bytes, but tokenizer files allow at most {MAX_TOKEN_BYTES}: "
                "remove it, or train with max_token_length"
            )
        lengths = [len(token) for token in self.added_ids]
        if max(lengths, default=0) > MAX_SPECIAL_TOKEN_LENGTH or sum(lengths) > MAX_SPECIAL_TOKENS_LENGTH:
            raise ValueError(
                f"the {len(lengths)} special tokens have {sum(lengths)} characters, {max(lengths)} in the longest; "
                f"tokenizer files allow at most {MAX_SPECIAL_TOKENS_LENGTH} in all and {MAX_SPECIAL_TOKEN_LENGTH} "
                "in one: give fewer or shorter ones"
            )
