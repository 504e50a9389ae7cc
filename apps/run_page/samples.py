"""What the model wrote: its last samples, and how it learned to write them."""

from collections.abc import Sequence

from run_page.markup import Html, details, element, join
from sample_file import Samples

_MOST_STEPS = 8


def last_samples(samples: Sequence[Samples]) -> Html:
    """Return all texts of the last step that has samples."""
    if not samples:
        return Html()
    last = samples[-1]
    shown = [element("blockquote", _text(last.prompt, text)) for text in last.texts]
    return join([element("p", f"At step {last.step:,}, continuing ", element("q", last.prompt), ":"), *shown])


def learning(samples: Sequence[Samples]) -> Html:
    """Return the first text of several steps, evenly spread from the first to the last; the other steps are folded."""
    if len(samples) < 2:
        return Html()
    count = min(_MOST_STEPS, len(samples))
    chosen = {round(index * (len(samples) - 1) / (count - 1)) for index in range(count)}
    shown = element("dl", *(_entry(each) for index, each in enumerate(samples) if index in chosen))
    if len(chosen) == len(samples):
        return shown
    return join([shown, details(f"All {len(samples)} steps", element("dl", *map(_entry, samples)))])


def _entry(samples: Samples) -> Html:
    text = samples.texts[0] if samples.texts else ""
    return join([element("dt", f"step {samples.step:,}"), element("dd", _text(samples.prompt, text))])


def _text(prompt: str, text: str) -> Html:
    return join([element("b", prompt), element("span", text)])
