"""A request on its way through the engine: the engine's thread writes, the server's event loop reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from serving.catalog import ModelChoice
from serving.request import GenerationRequest, RequestError


@dataclass(frozen=True)
class TextToken:
    """A token, as text."""

    text: str
    """The characters that it completes; empty if it ends inside a character."""
    name: str
    """Its own bytes as text, or in the form `bytes:\\xe2\\x80` if they are not whole characters."""
    log_probability: float | None
    """Under the model's own distribution; None for the first token of a prompt."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """The names and log-probabilities of the most probable tokens at its place."""


@dataclass(frozen=True)
class Started:
    """The request has been read by the model: the tokens of each prompt."""

    prompts: tuple[tuple[TextToken, ...], ...]


@dataclass(frozen=True)
class Drawn:
    """A new token of a text."""

    text: int
    token: TextToken


@dataclass(frozen=True)
class Ended:
    """The end of a text, and what remains of it: the replacement character if it ends inside a character."""

    text: int
    reason: Literal["stop", "length"]
    rest: str


class Generation:
    """The events of one request."""

    def __init__(self, request: GenerationRequest, choice: ModelChoice, loop: asyncio.AbstractEventLoop) -> None:
        """Begin without events."""
        self.request, self.choice = request, choice
        self.cancelled = False
        """Whether nobody waits for the texts any more."""
        self._loop = loop
        self._events: asyncio.Queue[Started | Drawn | Ended | RequestError] = asyncio.Queue()

    def post(self, event: Started | Drawn | Ended | RequestError) -> None:
        """Append an event; called by the engine's thread."""
        with suppress(RuntimeError):  # the loop has been closed: the server ends
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def cancel(self) -> None:
        """Ask the engine to drop the texts that have not ended, at the next token."""
        self.cancelled = True

    def leave(self) -> None:
        """Cancel because the client has disconnected; called by the event loop, where `RequestError` is raised."""
        self.cancel()
        self._events.put_nowait(RequestError("the client has left"))

    async def started(self) -> Started:
        """Wait until the model has read the prompts.

        Raises:
            RequestError: the request is refused.
        """
        event = await self._next()
        assert isinstance(event, Started)
        return event

    async def events(self) -> AsyncIterator[Drawn | Ended]:
        """Yield the events after the first, until all texts have ended.

        Raises:
            RequestError: the texts cannot be continued.
        """
        remaining = self.request.texts
        while remaining:
            event = await self._next()
            assert not isinstance(event, Started)
            remaining -= isinstance(event, Ended)
            yield event

    async def _next(self) -> Started | Drawn | Ended:
        event = await self._events.get()
        if isinstance(event, RequestError):
            raise event
        return event
