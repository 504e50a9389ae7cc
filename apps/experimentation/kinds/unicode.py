"""Questions about Unicode: the examples of `experimentation.unicode_questions` are run, and texts are measured.

`values`: `stories_utf_8_bytes`, `stories_utf_16_bytes`, `stories_utf_32_bytes`, and `web_…` likewise: what the
validation text of the first and the second corpus takes in each encoding; of a long text its first `characters`.

`rows`: one for each question: `question`; `example`, the functions that it is about, and expressions with what Python
prints for them; `answer`.
"""

import ast
import doctest
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from bpe import read_text
from experimentation import unicode_questions
from experimentation.kind_settings import read_settings
from experimentation.unicode_questions import QUESTIONS, Question, encoded_lengths
from experimentation.workspace import Outcome, Workspace


@dataclass(frozen=True)
class Settings:
    """How much text is measured."""

    characters: int = 10_000_000
    """At most so many characters of each text."""

    def __post_init__(self) -> None:
        """Check the number."""
        if self.characters < 1:
            raise ValueError(f"characters is {self.characters}: give at least 1")


def run(settings: Mapping[str, Any], seed: int, workspace: Workspace) -> Outcome:
    """Run the examples, and measure the validation texts.

    Raises:
        ValueError: a setting is unknown or out of range, an example does not print what it says, or a text is not
            UTF-8.
        OSError: a text cannot be read.
    """
    del seed  # nothing is drawn
    given = read_settings(Settings, settings)
    texts = {"stories": workspace.text.valid_text, "web": workspace.other_text.valid_text}
    return Outcome(
        values={
            f"{corpus}_{encoding.replace('-', '_')}_bytes": length
            for corpus, path in texts.items()
            for encoding, length in encoded_lengths(beginning(path, given.characters)).items()
        },
        rows=tuple(map(answer, QUESTIONS)),
    )


def answer(question: Question) -> dict[str, str]:
    """Run the examples of a question, and return its row.

    Raises:
        ValueError: an example does not print what it says.
    """
    globals_ = dict(vars(unicode_questions))
    examples = doctest.DocTestParser().get_doctest(question.examples, globals_, question.name, None, 0)
    report: list[str] = []
    if doctest.DocTestRunner(verbose=False).run(examples, out=report.append).failed:
        raise ValueError(f"an example of the question {question.name} is wrong: {''.join(report)}")
    return {
        "question": question.question,
        "example": "\n\n".join([*map(source_of, question.functions), dedent(question.examples).strip()]),
        "answer": question.answer,
    }


def source_of(function: Callable[..., object]) -> str:
    """Return the source code of a function without its docstring.

    >>> print(source_of(encoded_lengths))
    def encoded_lengths(text: str) -> dict[str, int]:
        return {name: len(text.encode(codec)) for name, codec in ENCODINGS.items()}
    """
    definition = ast.parse(inspect.getsource(function)).body[0]
    assert isinstance(definition, ast.FunctionDef)
    lines = inspect.getsource(function).splitlines()
    documented = definition.body[0]
    if ast.get_docstring(definition) is not None and documented.end_lineno is not None:
        del lines[documented.lineno - 1 : documented.end_lineno]
    return "\n".join(lines)


def beginning(path: Path, characters: int) -> str:
    """Return the first characters of a text file, without reading more of it than that.

    Raises:
        ValueError: the text is empty or not UTF-8.
        OSError: the file cannot be read.
    """
    parts: list[str] = []
    for chunk in read_text(path):
        parts.append(chunk[:characters])
        characters -= len(parts[-1])
        if characters == 0:
            break
    return "".join(parts)
