"""The parts: each module has a function `measure`, which yields rows of figures. The most important come first."""

from typing import NamedTuple


class Part(NamedTuple):
    """A part of the measurement."""

    seconds: float
    """It is stopped after this time; the rows until then are kept."""
    title: str
    """Of its table on the page."""


PARTS = {
    "first_step": Part(90, "First step of the leaderboard model, from the start of a process"),
    "step": Part(120, "Training step of the leaderboard model, in turns with plain PyTorch in one process"),
    "heads": Part(60, "The same with 10 heads of 128"),
    "whole_run": Part(80, "The base model on the TinyStories configuration: a whole run, projected"),
    "generation": Part(90, "Greedy decoding, in turns with transformers in one process"),
    "exactness": Part(130, "Equal bytes of two runs and of a resumed run; compiled against uncompiled gradients"),
    "loss": Part(50, "LM head and cross-entropy of a batch of the leaderboard model, forward and backward"),
    "optimizers": Part(50, "An update of the leaderboard model"),
    "bfloat16": Part(60, "Losses of the base model over 200 steps, bfloat16 against float32"),
    "trace": Part(40, "A profile of the leaderboard model's step in its loop: idle time, and kernels by time"),
    "attention": Part(60, "Attention alone, forward and backward, by back end"),
    "variants": Part(120, "Training step of the leaderboard model, one setting changed at a time"),
    "nanochat": Part(90, "Training step of a model like nanochat's, of equal arithmetic, in turns with ours"),
}
