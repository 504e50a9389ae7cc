"""The sections of the benchmark: each measures all implementations and returns rows of results."""

from collections.abc import Callable, Mapping

from benchmarks.model.sections.decoding import generate
from benchmarks.model.sections.parts import attention, loss, optimizer
from benchmarks.model.sections.training import train
from benchmarks.model.settings import Row, Settings

MEASURE: Mapping[str, Callable[[Settings], Row]] = {
    "train": train,
    "generate": generate,
    "loss": loss,
    "optimizer": optimizer,
    "attention": attention,
}
"""By the name of the section."""
