"""The blocks of code on a page, and which of them are run.

A block is what is between two lines of three backticks; a comment in the line before it says what is special about it:

    python                            an example: run, in one session for each page
    sh                                commands: run, one after the other
    text, right after one of these    what it prints
    <!-- source: FILE NAME -->        the block shows code of the packages: see `tour_pages.sources`
    <!-- not run: REASON -->          an example that is not run
    <!-- sample -->                   an output that differs from machine to machine: text that a model writes
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Kind = Literal["run", "source", "not run", "output", "sample"]

_BLOCK = re.compile(
    r"^(?:<!-- (?P<comment>[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    kind: Kind
    language: str
    text: str
    """Its lines, with the last line break."""
    comment: str
    """What the comment before it says after its first word; empty if there is none."""
    start: int
    """Where `text` begins in the page."""
    before: int
    """Where the block begins, with its comment."""

    @property
    def end(self) -> int:
        """Where `text` ends in the page."""
        return self.start + len(self.text)


@dataclass(frozen=True)
class Example:
    """A block that is run, and the block that shows what it prints, if there is one."""

    block: Block
    output: Block | None


def read_blocks(page: str) -> list[Block]:
    """Return all blocks of a page, in order.

    Raises:
        ValueError: the comment before a block begins like one of those above, but is none of them.
    """
    return [_block(match) for match in _BLOCK.finditer(page)]


def examples(page: str, blocks: Sequence[Block]) -> list[Example]:
    """Return the blocks of a page that are run, each with its output."""
    found = []
    for block, following in pairwise([*blocks, None]):
        if block is None or block.kind != "run":
            continue
        shows_output = following is not None and following.kind in ("output", "sample")
        adjacent = following is not None and page[block.end + len("```") : following.before].isspace()
        found.append(Example(block, following if shows_output and adjacent else None))
    return found


def _block(match: re.Match[str]) -> Block:
    comment, language = match["comment"] or "", match["language"]
    word, _, rest = comment.partition(":")
    kind: Kind
    match word:
        case "":
            kind = "output" if language == "text" else "run"
        case "source" | "not run" | "sample" as named:
            kind = named
        case _:
            raise ValueError(f"<!-- {comment} --> before a block: begin it with source, not run, or sample")
    return Block(kind, language, match["text"], rest.strip(), match.start("text"), match.start())
