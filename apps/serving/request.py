"""What a client asks for, and how much of it is allowed."""

from dataclasses import dataclass, field

from nn import SamplingConfig

MAX_BODY_BYTES = 1_000_000
"""The largest request, before it is read as JSON."""
MAX_PROMPT_BYTES = 200_000
"""The longest prompt, before it is encoded; its tokens must fit the model's context besides."""
MAX_NEW_TOKENS = 4096
"""The longest continuation."""
MAX_TEXTS = 16
"""Texts of one request: prompts times samples. As many are generated at once for all requests together."""
MAX_ALTERNATIVES = 20
"""Alternatives reported for each token."""
MAX_STOPS = 4
"""Stop strings of a request, as in OpenAI's API."""
MAX_STOP_LENGTH = 200
"""Characters of a stop string."""
MAX_WAITING = 32
"""Requests that wait for their turn; further ones are refused, with the advice to come back."""

MODELS_KEPT = 2
"""Models in memory; so many can generate at once."""


class RequestError(ValueError):
    """A request cannot be answered; the message is for the client."""

    def __init__(self, message: str, *, status: int = 400, field: str | None = None) -> None:
        """Keep the HTTP status, and the name of the field of the request that is wrong."""
        super().__init__(message)
        self.status, self.field = status, field


class BusyError(RequestError):
    """Too many requests wait already."""

    def __init__(self) -> None:
        super().__init__(f"{MAX_WAITING} requests are waiting already: try again in a few seconds", status=503)


@dataclass(frozen=True)
class GenerationRequest:
    """Texts to generate with one model."""

    model: str
    """Its name in the catalog."""
    prompts: tuple[str | tuple[int, ...], ...] = ("",)
    """Texts, or ids; an empty text begins a new document."""
    samples: int = 1
    """Continuations of each prompt."""
    max_new_tokens: int = 16
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    seed: int = 0
    """Sample i of each prompt uses seed + i, as in apps/generate.py."""
    alternatives: int = 0
    """The number of most probable tokens that are reported at each place."""
    score_prompts: bool = False
    """Whether the probabilities of the prompts' own tokens are reported too."""

    @property
    def texts(self) -> int:
        """The number of continuations."""
        return len(self.prompts) * self.samples
