"""Pages with their sources and outputs brought up to date."""

from collections.abc import Mapping
from pathlib import Path

from tour_pages.blocks import Block, read_blocks
from tour_pages.sources import source_of


def with_sources(page: str, root: Path) -> str:
    """Return the page with every block of source as it is in its file now.

    Raises:
        ValueError: a file does not contain what a block names.
        OSError: a file cannot be read.
    """
    shown = [block for block in read_blocks(page) if block.kind == "source"]
    return _replaced(page, {block: source_of(block.comment, root) for block in shown})


def with_outputs(page: str, printed: Mapping[Block, str]) -> str:
    """Return the page with other texts in blocks of output.

    Args:
        page: the page.
        printed: by block of the page, what its example prints.
    """
    return _replaced(page, printed)


def _replaced(page: str, texts: Mapping[Block, str]) -> str:
    for block in sorted(texts, key=lambda block: block.start, reverse=True):  # from the end: earlier places stay
        text = texts[block].rstrip("\n") + "\n"
        page = page[: block.start] + text + page[block.end :]
    return page
