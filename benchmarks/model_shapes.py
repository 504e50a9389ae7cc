"""The shapes that are measured, the work that a step takes, and the weights that all models start from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

EMBEDDING = "embedding.weight"
_ROTATED = ("q_proj.weight", "k_proj.weight")


@dataclass(frozen=True)
class Shape:
    """A decoder-only Transformer with pre-norm RMSNorm, rotary positions and SwiGLU, and how it is trained."""

    vocab_size: int
    context_length: int
    d_model: int
    num_layers: int
    num_heads: int
    d_ff: int
    tied: bool
    """The LM head is the embedding matrix."""
    batch: dict[str, int]
    """Sequences of a training step, each as long as the context, by type of device; none where it is not measured."""
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5

    @property
    def d_head(self) -> int:
        """Width of one head."""
        return self.d_model // self.num_heads

    @property
    def num_parameters(self) -> int:
        """Number of weights, shared ones counted once."""
        return sum(torch.Size(size).numel() for _, size in self.sizes())

    @property
    def flops_per_token(self) -> int:
        """Floating-point operations of a training step for one token: three times those of a forward pass.

        Each weight of a matrix product takes a multiplication and an addition forward and twice that backward. Scores
        and weighted values take 2·d each for every position of the context, of which the causal mask hides half; they
        are counted in full, as in Chowdhery et al. 2022 (arXiv:2204.02311, appendix B). The rest is not counted.
        """
        matrices = sum(torch.Size(size).numel() for name, size in self.sizes() if len(size) == 2 and name != EMBEDDING)
        matrices += self.vocab_size * self.d_model if self.tied else 0
        return 3 * (2 * matrices + 2 * 2 * self.num_layers * self.context_length * self.d_model)

    def sizes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Give the name and size of each weight, by the names of our model."""
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

    def weights(self, *, rotary_halves: bool) -> Iterator[tuple[str, Tensor]]:
        """Draw each weight, the same in every process, and give it by the name it has in our model.

        Args:
            rotary_halves: for a model that rotates entry p of a head with entry p + d_head/2, as Llama's code does,
                and not neighbours: the rows of W_q and W_k change places, so that both compute the same.
        """
        generator = torch.Generator().manual_seed(0)
        for name, size in self.sizes():
            weight = torch.empty(size).normal_(generator=generator)
            if len(size) == 1:
                weight = 1 + 0.1 * weight  # gains that are not all 1, so that a norm in the wrong place shows
            elif name != EMBEDDING or self.tied:
                weight *= size[1] ** -0.5
            yield name, self.to_halves(name, weight) if rotary_halves else weight

    def to_halves(self, name: str, weight: Tensor) -> Tensor:
        """Return a weight of a model that rotates neighbours as a model that rotates halves wants it."""
        if not name.endswith(_ROTATED):
            return weight
        return weight.view(self.num_heads, self.d_head // 2, 2, -1).transpose(1, 2).reshape(weight.shape)

    def to_pairs(self, name: str, weight: Tensor) -> Tensor:
        """Undo `to_halves`."""
        if not name.endswith(_ROTATED):
            return weight
        return weight.view(self.num_heads, 2, self.d_head // 2, -1).transpose(1, 2).reshape(weight.shape)

    def tokens(self, sequences: int, length: int, *, seed: int) -> Tensor:
        """Draw ids, the same in every process."""
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(self.vocab_size, (sequences, length), generator=generator)


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
        d_ff=2_048,  # three matrices of this width hold what GPT-2's two of 3,072 do
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


def shrink(shape: Shape) -> Shape:
    """Return a shape that takes no time: for trying the benchmark, not for measuring."""
    return replace(
        shape,
        vocab_size=shape.vocab_size // 500,
        context_length=24,
        d_model=32,
        num_layers=2,
        num_heads=4,
        d_ff=48,
        batch=dict.fromkeys(shape.batch, 2),
    )


def shape_of(request: Mapping[str, Any]) -> Shape:
    """Return the shape that a request names."""
    shape = SHAPES[request["shape"]]
    return shrink(shape) if request["quick"] else shape
