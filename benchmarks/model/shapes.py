"""The shapes of the models that are measured, and the arithmetic of their training step."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

EMBEDDING = "embedding.weight"


@dataclass(frozen=True)
class Shape:
    """A decoder-only Transformer with pre-norm RMSNorm, rotary positions and SwiGLU, and the batch it is trained on."""

    vocab_size: int
    context_length: int
    d_model: int
    num_layers: int
    num_heads: int
    d_ff: int
    tied: bool
    """The LM head is the embedding matrix."""
    batch: dict[str, int]
    """Sequences of a training step by type of device, each as long as the context; none where it is not measured."""
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5

    @property
    def d_head(self) -> int:
        """Width of one head."""
        return self.d_model // self.num_heads

    @property
    def num_parameters(self) -> int:
        """Number of weights, shared ones counted once."""
        return sum(prod(size) for _, size in self.sizes())

    @property
    def flops_per_token(self) -> int:
        """Floating-point operations of a training step for one token: three times those of a forward pass.

        Each weight of a matrix product takes a multiplication and an addition forward and twice that backward. Scores
        and weighted values take 2·d each for every position of the context, of which the causal mask hides half; they
        are counted in full, as in Chowdhery et al. 2022 (arXiv:2204.02311, appendix B). The rest is not counted.
        """
        matrices = sum(prod(size) for name, size in self.sizes() if len(size) == 2 and name != EMBEDDING)
        matrices += self.vocab_size * self.d_model if self.tied else 0
        return 3 * (2 * matrices + 2 * 2 * self.num_layers * self.context_length * self.d_model)

    def sizes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield the name and the size of each weight, by the names of our model."""
        square = (self.d_model, self.d_model)
        yield EMBEDDING, (self.vocab_size, self.d_model)
        for i in range(self.num_layers):
            yield f"blocks.{i}.attention_norm.weight", (self.d_model,)
            for name in ("q_proj", "k_proj", "v_proj", "output_proj"):
                yield f"blocks.{i}.attention.{name}.weight", square
            yield f"blocks.{i}.feedforward_norm.weight", (self.d_model,)
            yield f"blocks.{i}.feedforward.w1.weight", (self.d_ff, self.d_model)
            yield f"blocks.{i}.feedforward.w2.weight", (self.d_model, self.d_ff)
            yield f"blocks.{i}.feedforward.w3.weight", (self.d_ff, self.d_model)
        yield "final_norm.weight", (self.d_model,)
        if not self.tied:
            yield "lm_head.weight", (self.vocab_size, self.d_model)

    def facts(self, name: str) -> dict[str, Any]:
        """Return the description of the shape on the page."""
        return {
            "name": name,
            "parameters": self.num_parameters,
            "training_flops_per_token": self.flops_per_token,
            "layers": self.num_layers,
            "d_model": self.d_model,
            "d_ff": self.d_ff,
            "heads": self.num_heads,
            "context": self.context_length,
            "vocab_size": self.vocab_size,
            "tied": self.tied,
            "batch": dict(self.batch),
        }


_BASE = Shape(
    vocab_size=10_000,
    context_length=256,
    d_model=512,
    num_layers=4,
    num_heads=16,
    d_ff=1344,
    tied=False,
    batch={"cpu": 16, "cuda": 128},
)
SHAPES = {
    "base": _BASE,
    "base-32k": replace(_BASE, vocab_size=32_000),
    "gpt2-small": Shape(
        vocab_size=50_257,
        context_length=1_024,
        d_model=768,
        num_layers=12,
        num_heads=12,
        d_ff=2_048,  # three matrices of this width have as many weights as GPT-2's two of 3,072
        tied=True,
        batch={"cpu": 1, "cuda": 16},
    ),
    "leaderboard": Shape(
        vocab_size=32_000,
        context_length=512,
        d_model=1_280,
        num_layers=12,
        num_heads=16,
        d_ff=3_456,
        tied=True,
        batch={"cuda": 128},
    ),
}
SHAPES["leaderboard-10-heads"] = replace(SHAPES["leaderboard"], num_heads=10)  # heads of 128, which kernels like


def find_shape(name: str, *, quick: bool) -> Shape:
    """Return the shape of a name, or with `quick` a tiny one."""
    return shrink(SHAPES[name]) if quick else SHAPES[name]


def shrink(shape: Shape) -> Shape:
    """Return a tiny shape, to test the benchmark with."""
    return replace(
        shape,
        vocab_size=64,
        context_length=24,
        d_model=32,
        num_layers=2,
        num_heads=4,
        d_ff=48,
        batch={"cpu": 2, "cuda": 2},
    )
