"""A token of a text, and how probable the model found it; it does not need torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DrawnToken:
    """A token that was drawn, or that a given text contains, after the tokens before it.

    The log-probabilities, in nats, are those of the model's own distribution: the log-softmax of its logits, before
    penalties, temperature and truncation. So they do not depend on how the token was drawn.
    """

    id: int
    """The token's id."""
    log_probability: float
    """At most 0; its negative is the surprise of the model."""
    alternatives: tuple[tuple[int, float], ...] = ()
    """The most probable ids and their log-probabilities, the highest first; the token may be one of them."""
