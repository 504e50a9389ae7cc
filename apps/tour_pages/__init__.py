"""The pages of the tour: what their blocks mean, running them, and comparing what they print with what they show."""

from tour_pages.blocks import Block, Example, examples, read_blocks
from tour_pages.comparing import difference, sample_difference
from tour_pages.rewriting import with_outputs, with_sources
from tour_pages.running import Session
from tour_pages.sources import source_of

__all__ = [
    "Block",
    "Example",
    "Session",
    "difference",
    "examples",
    "read_blocks",
    "sample_difference",
    "source_of",
    "with_outputs",
    "with_sources",
]
