"""Templates: the tokens that a tokenizer puts around a text on request, such as one for its beginning.

>>> template = Template((Piece("<s>", (1,)), TEXT))
>>> template.begin_ids, template.end_ids
((1,), ())
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """A part of a template: a token, or the place of a text."""

    name: str
    """The token; or "A" for the text, "B" for the second text of a pair."""
    ids: tuple[int, ...] | None = None
    """The ids of the token; None for the place of a text."""
    type_id: int = 0
    """A number that models for pairs of texts get for each token. It is read and written, and not used here."""


TEXT = Piece("A")
SECOND_TEXT = Piece("B", type_id=1)


@dataclass(frozen=True)
class Template:
    """What is around a single text. The template for a pair of texts is read and written, and not used here."""

    single: tuple[Piece, ...] = (TEXT,)
    """The template for one text, which has the text in it once."""
    pair: tuple[Piece, ...] = (TEXT, SECOND_TEXT)
    """The template for two texts."""

    def __post_init__(self) -> None:
        """Check the template.

        Raises:
            ValueError: the template for one text does not have it exactly once.
        """
        texts = [piece.name for piece in self.single if piece.ids is None]
        if texts != ["A"]:
            raise ValueError(f"the template for one text has {len(texts)} places for texts ({texts}): give it one, 'A'")

    @property
    def begin_ids(self) -> tuple[int, ...]:
        """The ids before a text."""
        place = [piece.ids for piece in self.single].index(None)
        return tuple(token_id for piece in self.single[:place] for token_id in piece.ids or ())

    @property
    def end_ids(self) -> tuple[int, ...]:
        """The ids after a text."""
        place = [piece.ids for piece in self.single].index(None)
        return tuple(token_id for piece in self.single[place:] for token_id in piece.ids or ())


TEXT_ALONE = Template()
"""The template that adds nothing."""
