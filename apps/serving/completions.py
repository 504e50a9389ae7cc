"""Answers in the form of OpenAI's `/v1/completions`: a whole one, or a stream of server-sent events."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

from serving.completion_request import CompletionRequest
from serving.completion_text import StopStrings
from serving.generation import Drawn, Ended, Generation, TextToken
from serving.request import RequestError


class _Text:
    """One continuation: its stop strings, and the place in the text that the next token has."""

    def __init__(self, request: CompletionRequest, prompt: Sequence[TextToken]) -> None:
        self._stops = StopStrings(request.stops)
        self._echo = request.echo
        self._prompt = prompt
        self.offset = 0 if request.echo else sum(len(token.text) for token in prompt)
        self.reason: str | None = None

    def begin(self) -> list[TextToken]:
        """Return the tokens before the first that is generated."""
        return list(self._prompt) if self._echo else []

    def feed(self, event: Drawn | Ended) -> list[TextToken]:
        """Return the tokens that an event releases; `reason` is set if the text ends with them."""
        if self.reason is not None:
            return []
        if isinstance(event, Ended):
            rest = TextToken(event.rest, event.rest, None)
            released = [*(self._stops.feed(rest) if event.rest else ()), *self._stops.finish()]
            self.reason = "stop" if self._stops.found else event.reason
            return released
        released = self._stops.feed(event.token)
        if self._stops.found:
            self.reason = "stop"
        return released


class Completion:
    """The answer to one request."""

    def __init__(self, request: CompletionRequest, generation: Generation) -> None:
        """Answer a request with what the engine generates for it."""
        self._request, self._generation = request, generation
        self._id = f"cmpl-{uuid4().hex}"
        self._created = int(time.time())
        self._usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}

    async def start(self) -> None:
        """Wait until the model has read the prompts, after which the status of the answer is known.

        Raises:
            RequestError: the request is refused.
        """
        started = await self._generation.started()
        samples = self._request.generation.samples
        self._texts = [_Text(self._request, prompt) for prompt in started.prompts for _ in range(samples)]
        self._count("prompt_tokens", sum(max(1, len(prompt)) for prompt in started.prompts))

    async def whole(self) -> dict[str, Any]:
        """Return the answer when all texts have ended.

        Raises:
            RequestError: the texts cannot be continued.
        """
        pieces: list[list[dict[str, Any]]] = [[] for _ in self._texts]
        async for choice in self._choices():
            pieces[choice["index"]].append(choice)
        return {**self._head(), "choices": [_joined(parts) for parts in pieces], "usage": self._usage}

    async def events(self) -> AsyncIterator[str]:
        """Yield the answer as server-sent events, an error too, since the status has been sent already."""
        try:
            async for choice in self._choices():
                yield _event({**self._head(), "choices": [choice]})
        except RequestError as error:
            yield _event(error_object(error))
            return
        if self._request.include_usage:
            yield _event({**self._head(), "choices": [], "usage": self._usage})
        yield "data: [DONE]\n\n"

    async def _choices(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the parts of the texts; a client that leaves ends this, and thereby the generation."""
        try:
            for index, text in enumerate(self._texts):
                if self._request.echo:
                    yield self._choice(index, text.begin())
            async for event in self._generation.events():
                text = self._texts[event.text]
                if text.reason is not None:
                    continue
                tokens = text.feed(event)
                self._count("completion_tokens", isinstance(event, Drawn))
                if tokens or text.reason:
                    yield self._choice(event.text, tokens)
                if all(text.reason is not None for text in self._texts):
                    return
        finally:
            self._generation.cancel()

    def _choice(self, index: int, tokens: list[TextToken]) -> dict[str, Any]:
        text = self._texts[index]
        content = "".join(token.text for token in tokens)
        logprobs = _logprobs(tokens, text.offset) if self._request.logprobs else None
        text.offset += len(content)
        return {"index": index, "text": content, "logprobs": logprobs, "finish_reason": text.reason}

    def _head(self) -> dict[str, Any]:
        model = self._request.generation.model
        return {"id": self._id, "object": "text_completion", "created": self._created, "model": model}

    def _count(self, name: str, number: int) -> None:
        self._usage[name] += number
        self._usage["total_tokens"] += number


def error_object(error: RequestError) -> dict[str, Any]:
    """Return an error in OpenAI's form."""
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    code = "model_not_found" if error.status == 404 and error.field == "model" else None
    return {"error": {"message": str(error), "type": kind, "param": error.field, "code": code}}


def _logprobs(tokens: list[TextToken], offset: int) -> dict[str, list[Any]]:
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.text)
    return {
        "tokens": [token.name for token in tokens],
        "token_logprobs": [token.log_probability for token in tokens],
        "top_logprobs": [dict(token.alternatives) if token.log_probability is not None else None for token in tokens],
        "text_offset": offsets,
    }


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one choice from the parts of its text."""
    last = parts[-1]
    logprobs = last["logprobs"]
    if logprobs is not None:
        logprobs = {name: [value for part in parts for value in part["logprobs"][name]] for name in logprobs}
    return {**last, "text": "".join(part["text"] for part in parts), "logprobs": logprobs}


def _event(content: dict[str, Any]) -> str:
    # In ASCII, since many clients split lines at further characters, such as U+2028, which JSON allows in texts.
    return f"data: {json.dumps(content, allow_nan=False)}\n\n"
