"""Decoding: what temperature and top-p do to the texts of a trained model.

The model is that of the run which the experiment uses. For each temperature and each top-p it generates `num_samples`
texts in one batch, with the same seeds. Greedy texts (temperature 0) are all the same: one is generated, and counted as
often. The same measures of as many documents of the validation text, cut to `max_new_tokens`, show what the model was
to learn.

Measured on tokens: distinct-n, the share of different n-grams among those of all texts together, which falls with their
number; the share of 4-grams that repeat an earlier one of the same text; and the mean log-probability of a token, in
nats, by the model's own distribution, before temperature and top-p.

`values`: `samples`, `max_new_tokens`, `prompt`; and the measures of the validation text, under the names of the columns
after `text_`: `text_samples`, `text_tokens`, `text_distinct_1`, and so on.

`rows`: one for each temperature and top-p: `temperature`, `top_p`, `samples`, `tokens`, `distinct_1`, `distinct_2`,
`distinct_3`, `repeated_4grams`, `mean_log_probability`, `share_ended` (texts that ended by themselves), `mean_length`
(tokens in a text).

`texts`: the first sample of each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bpe import read_text
from experimentation.kind_settings import read_settings
from experimentation.text_diversity import distinct_share, repeated_share
from experimentation.workspace import Outcome, Workspace
from nn import DrawnToken, SamplingConfig
from text_data import END_OF_TEXT
from trainer import RunDirectory

if TYPE_CHECKING:  # loads torch
    from speaker import Speaker


@dataclass(frozen=True)
class Settings:
    """What is generated, and how tokens are drawn."""

    temperatures: tuple[float, ...] = (0.0, 0.7, 1.0, 1.3)
    top_ps: tuple[float, ...] = (0.5, 0.9, 1.0)
    num_samples: int = 32
    max_new_tokens: int = 256
    prompt: str = "The"
    """What the texts continue; an empty one begins a document."""

    def __post_init__(self) -> None:
        """Check that there is something to generate, and every way to draw tokens."""
        for name in ("temperatures", "top_ps"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty: give at least one")
        for name in ("num_samples", "max_new_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give at least 1")
        for temperature in self.temperatures:
            for top_p in self.top_ps:
                SamplingConfig(temperature, top_p=top_p)


@dataclass(frozen=True)
class Text:
    """A text, generated or given: its tokens with their log-probabilities, and whether it ended by itself."""

    tokens: tuple[DrawnToken, ...]
    ended: bool


def run(settings: Mapping[str, Any], seed: int, workspace: Workspace) -> Outcome:
    """Generate texts, and measure them.

    Raises:
        ValueError: a setting is unknown or out of range, the experiment uses no run, or the run has no checkpoint.
        OSError: a file cannot be read.
    """
    given = read_settings(Settings, settings)
    if workspace.used_run is None:
        raise ValueError("decoding needs a trained model: name an experiment in `uses`, such as base")
    from speaker import load_speaker  # loads torch

    speaker = load_speaker(RunDirectory(workspace.used_run), device=workspace.device)
    rows, samples = [], []
    for sampling in _cells(given):
        texts = generate(speaker, given, sampling, seed)
        rows.append({"temperature": sampling.temperature, "top_p": sampling.top_p, **describe(texts)})
        title = f"temperature {sampling.temperature:g}, top-p {sampling.top_p:g}"
        samples.append({"title": title, "text": given.prompt + _as_text(speaker, texts[0])})
    reference = describe(score_documents(speaker, workspace.text.valid_text, given))
    return Outcome(
        values={
            "samples": given.num_samples,
            "max_new_tokens": given.max_new_tokens,
            "prompt": given.prompt,
            **{f"text_{name}": value for name, value in reference.items()},
        },
        rows=tuple(rows),
        texts=tuple(samples),
    )


def generate(speaker: "Speaker", settings: Settings, sampling: SamplingConfig, seed: int) -> list[Text]:
    """Generate texts in one batch; a greedy one is generated once and repeated, since all would be equal."""
    is_greedy = sampling.temperature == 0
    count = 1 if is_greedy else settings.num_samples
    prompts = [speaker.encode_prompt(settings.prompt)] * count
    seeds = [seed + number for number in range(count)]
    tokens: list[list[DrawnToken]] = [[] for _ in range(count)]
    for step in speaker.stream(prompts, settings.max_new_tokens, sampling, seeds):
        for row, spoken in zip(tokens, step, strict=True):
            if spoken is not None:
                row.append(spoken.token)
    texts = [Text(tuple(row), ended=len(row) < settings.max_new_tokens) for row in tokens]
    return texts * settings.num_samples if is_greedy else texts


def score_documents(speaker: "Speaker", path: Path, settings: Settings) -> list[Text]:
    """Return the first documents of a text, cut to the length of the samples, as if the model had written them."""
    from nn import score

    start = speaker.encode_prompt("")  # the token that begins a document, which the model is given, not asked for
    documents = (speaker.tokenizer.encode(document) for document in read_documents(path))
    texts = []
    for ids in islice(filter(None, documents), settings.num_samples):
        cut = ids[: settings.max_new_tokens]
        tokens = score(speaker.model, [*start, *cut])[-len(cut) :]
        texts.append(Text(tuple(tokens), ended=len(ids) < settings.max_new_tokens))
    return texts


def read_documents(path: Path) -> Iterator[str]:
    """Yield the documents of a text file without what separates them, one chunk of the file in memory at a time."""
    rest = ""
    for chunk in read_text(path):
        *documents, rest = (rest + chunk).split(END_OF_TEXT)
        yield from (document.strip("\n") for document in documents)
    yield rest.strip("\n")


def describe(texts: Sequence[Text]) -> dict[str, float | int]:
    """Return the measures of some texts, as the docstring of this module lists them."""
    ids = [[token.id for token in text.tokens] for text in texts]
    scores = [token.log_probability for text in texts for token in text.tokens]
    return {
        "samples": len(texts),
        "tokens": len(scores),
        **{f"distinct_{n}": distinct_share(ids, n) for n in (1, 2, 3)},
        "repeated_4grams": repeated_share(ids, 4),
        "mean_log_probability": fmean(scores) if scores else 0.0,
        "share_ended": fmean(text.ended for text in texts),
        "mean_length": fmean(map(len, ids)),
    }


def _cells(settings: Settings) -> Iterator[SamplingConfig]:
    """Yield each temperature with each top-p; greedy only once, since top-p changes nothing there."""
    for temperature in settings.temperatures:
        for top_p in settings.top_ps if temperature > 0 else settings.top_ps[-1:]:
            yield SamplingConfig(temperature, top_p=top_p)


def _as_text(speaker: "Speaker", text: Text) -> str:
    return b"".join(speaker.token_bytes(token.id) for token in text.tokens).decode("utf-8", errors="replace")
