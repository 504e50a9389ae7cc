"""The weights that all models start from, and the tokens that they are given: the same in every process."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.model.shapes import EMBEDDING, Shape

_ROTATED = ("q_proj.weight", "k_proj.weight")


def draw_weights(shape: Shape, *, rotary_halves: bool) -> Iterator[tuple[str, Tensor]]:
    """Yield each weight with its name in our model.

    Args:
        shape: of the model.
        rotary_halves: for a model that rotates entry p of a head with entry p + d_head/2, as Llama's code does, instead
            of neighbouring entries: the rows of W_q and W_k are permuted, so that both models compute the same.
    """
    generator = torch.Generator().manual_seed(0)
    for name, size in shape.sizes():
        weight = torch.empty(size).normal_(generator=generator)
        if len(size) == 1:
            weight = 1 + 0.1 * weight  # gains other than 1 reveal a norm in the wrong place
        elif name != EMBEDDING or shape.tied:
            weight *= size[1] ** -0.5
        yield name, to_halves(shape, name, weight) if rotary_halves else weight


def to_halves(shape: Shape, name: str, weight: Tensor) -> Tensor:
    """Permute a weight of a model that rotates neighbouring entries for a model that rotates halves."""
    if not name.endswith(_ROTATED):
        return weight
    return weight.view(shape.num_heads, shape.d_head // 2, 2, -1).transpose(1, 2).reshape(weight.shape)


def to_pairs(shape: Shape, name: str, weight: Tensor) -> Tensor:
    """Undo `to_halves`."""
    if not name.endswith(_ROTATED):
        return weight
    return weight.view(shape.num_heads, 2, shape.d_head // 2, -1).transpose(1, 2).reshape(weight.shape)


def draw_tokens(shape: Shape, sequences: int, length: int, *, seed: int) -> Tensor:
    """Return random ids of size (sequences, length)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(shape.vocab_size, (sequences, length), generator=generator)
