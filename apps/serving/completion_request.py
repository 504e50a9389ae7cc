"""A request to `/v1/completions`: the JSON that a client sends, checked."""

import json
import random
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from nn import SamplingConfig
from serving.request import (
    MAX_ALTERNATIVES,
    MAX_NEW_TOKENS,
    MAX_PROMPT_BYTES,
    MAX_STOP_LENGTH,
    MAX_STOPS,
    MAX_TEXTS,
    GenerationRequest,
    RequestError,
)

_UNSUPPORTED = {
    "best_of": (None, 1),
    "frequency_penalty": (None, 0),
    "logit_bias": (None, {}),
    "presence_penalty": (None, 0),
    "suffix": (None, ""),
}
"""Fields of OpenAI's that are accepted only with a value that changes nothing."""
_OURS = ("top_k", "min_p", "repetition_penalty")
"""Fields that OpenAI's API does not have; other servers of open models do."""
_FIELDS = (
    *("model", "prompt", "max_tokens", "temperature", "top_p", "n", "stream", "stream_options", "logprobs", "echo"),
    *("stop", "seed", "user", *_UNSUPPORTED, *_OURS),
)


@dataclass(frozen=True)
class CompletionRequest:
    """What to generate, and in which form to answer."""

    generation: GenerationRequest
    stops: tuple[str, ...]
    """Texts that end a continuation and are not part of it."""
    echo: bool
    """Whether the answer begins with the prompt."""
    logprobs: bool
    """Whether the answer contains tokens and their log-probabilities."""
    stream: bool
    include_usage: bool
    """Whether a stream ends with the numbers of tokens."""


def parse_completion(body: bytes) -> CompletionRequest:
    """Read the body of a request.

    Raises:
        RequestError: it is not JSON, a field is unknown, or a value is not allowed.
    """
    fields = _Fields(_object(body))
    logprobs = fields.whole_number("logprobs", None, 0, MAX_ALTERNATIVES)
    echo = fields.truth("echo")
    options = fields.get("stream_options") or {}
    if not isinstance(options, dict) or options.keys() - {"include_usage"}:
        raise RequestError("stream_options is an object with include_usage, true or false", field="stream_options")
    request = GenerationRequest(
        model=fields.model(),
        prompts=fields.prompts(),
        samples=fields.whole_number("n", 1, 1, MAX_TEXTS) or 1,
        max_new_tokens=fields.whole_number("max_tokens", 16, 0, MAX_NEW_TOKENS) or 0,
        sampling=fields.sampling(),
        seed=fields.seed(),
        alternatives=logprobs or 0,
        score_prompts=echo and logprobs is not None,
    )
    if request.texts > MAX_TEXTS:
        raise RequestError(f"{request.texts} texts are asked for: prompts times n may be {MAX_TEXTS}", field="n")
    stream, include_usage = fields.truth("stream"), options.get("include_usage") is True
    return CompletionRequest(request, fields.stops(), echo, logprobs is not None, stream, include_usage)


def _object(body: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> NoReturn:
        raise RequestError(f"the request contains {constant}, which is not JSON: give a finite number")

    try:
        content = json.loads(body, parse_constant=refuse)
    except RequestError:
        raise
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise RequestError(f"the request is not valid JSON: {reason}") from None
    if not isinstance(content, dict):
        raise RequestError('the request is not a JSON object: give one such as {"model": …, "prompt": …}')
    return content


class _Fields:
    """The fields of a request; one that is null counts as missing, as in OpenAI's API."""

    def __init__(self, content: dict[str, Any]) -> None:
        for name, value in content.items():
            if name not in _FIELDS:
                similar = get_close_matches(name, _FIELDS, n=1)
                hint = f"did you mean {similar[0]}?" if similar else f"the fields are {', '.join(_FIELDS)}"
                raise RequestError(f"unknown field {name[:100]!r}: {hint}", field=name[:100])
            if name in _UNSUPPORTED and value not in _UNSUPPORTED[name]:
                raise RequestError(f"{name} is not supported: leave it out", field=name)
        self._content = content

    def get(self, name: str) -> Any:
        return self._content.get(name)

    def model(self) -> str:
        model = self.get("model")
        if not isinstance(model, str):
            raise RequestError("model is missing: give a name that /v1/models lists", field="model")
        return model

    def whole_number(self, name: str, default: int | None, lowest: int, highest: int) -> int | None:
        value = self.get(name)
        if value is None:
            return default
        if type(value) is not int or not lowest <= value <= highest:
            raise RequestError(f"{name} is {_shown(value)}: give a whole number from {lowest} to {highest}", field=name)
        return value

    def truth(self, name: str) -> bool:
        value = self.get(name)
        if value is not None and not isinstance(value, bool):
            raise RequestError(f"{name} is {_shown(value)}: give true or false", field=name)
        return value is True

    def number(self, name: str, default: float) -> float:
        value = self.get(name)
        if value is None:
            return default
        if type(value) not in (int, float) or abs(value) > 1e6:  # an int may be too large for a float
            raise RequestError(f"{name} is {_shown(value)}: give a number", field=name)
        return float(value)

    def sampling(self) -> SamplingConfig:
        top_k = self.whole_number("top_k", None, 0, 2**31)
        try:
            return SamplingConfig(
                temperature=self.number("temperature", 1.0),
                top_k=top_k or None,
                top_p=self.number("top_p", 1.0),
                min_p=self.number("min_p", 0.0),
                repetition_penalty=self.number("repetition_penalty", 1.0),
            )
        except RequestError:
            raise
        except ValueError as error:
            raise RequestError(str(error), field=str(error).split(" is ", 1)[0]) from None

    def seed(self) -> int:
        seed = self.whole_number("seed", None, 0, 2**62)
        return random.SystemRandom().randrange(2**31) if seed is None else seed

    def stops(self) -> tuple[str, ...]:
        given = self.get("stop")
        stops = [given] if isinstance(given, str) else given or []
        if (
            not isinstance(stops, list)
            or len(stops) > MAX_STOPS
            or not all(isinstance(stop, str) and 0 < len(stop) <= MAX_STOP_LENGTH for stop in stops)
        ):
            raise RequestError(
                f"stop is not a text or a list of up to {MAX_STOPS} texts of 1 to {MAX_STOP_LENGTH} characters",
                field="stop",
            )
        return tuple(stops)

    def prompts(self) -> tuple[str | tuple[int, ...], ...]:
        given = self.get("prompt")
        if given is None:
            return ("",)
        several = isinstance(given, list) and bool(given) and not _is_ids(given)
        prompts = given if several else [given]
        if len(prompts) > MAX_TEXTS:
            raise RequestError(f"there are {len(prompts)} prompts: give at most {MAX_TEXTS}", field="prompt")
        return tuple(_prompt(prompt) for prompt in prompts)


def _prompt(prompt: Any) -> str | tuple[int, ...]:
    if isinstance(prompt, str):
        try:
            size = len(prompt.encode())
        except UnicodeEncodeError:
            raise RequestError(
                "the prompt contains half of a surrogate pair: give whole characters", field="prompt"
            ) from None
        if size > MAX_PROMPT_BYTES:
            raise RequestError(f"the prompt has {size} bytes: give at most {MAX_PROMPT_BYTES}", field="prompt")
        return prompt
    if isinstance(prompt, list) and _is_ids(prompt):
        return tuple(prompt)
    raise RequestError("prompt is not a text, a list of token ids, or a list of these", field="prompt")


def _is_ids(values: Collection[Any]) -> bool:
    return all(type(value) is int for value in values)


def _shown(value: Any) -> str:
    """Return a value as JSON, shortened."""
    text = json.dumps(value)
    return text if len(text) <= 50 else f"{text[:50]}…"
