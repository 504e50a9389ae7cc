"""A model in plain PyTorch: torch's own layers, attention, loss and optimizer, as its users combine them."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from benchmarks.model.implementations.torch_step import Step, torch_step
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape
from benchmarks.model.weights import draw_weights

ROTARY_HALVES = True
"""It rotates entry p of a head with entry p + d_head/2, as Llama's code does."""


class Attention(nn.Module):
    """Causal multi-head attention with rotary positions and an optional cache."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.num_heads = shape.num_heads
        self.q_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.k_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.v_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.output_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)

    def heads(self, x: Tensor) -> Tensor:
        """Split the width into heads."""
        return x.view(*x.shape[:-1], self.num_heads, -1).transpose(1, 2)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: "LayerCache | None" = None) -> Tensor:
        """Attend to earlier positions of the sequence, or of the cache."""
        q, k, v = self.heads(self.q_proj(x)), self.heads(self.k_proj(x)), self.heads(self.v_proj(x))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is None:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            k, v, mask = cache.extend(k, v)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.output_proj(y.transpose(1, 2).flatten(2))


class LayerCache:
    """Keys and values of one layer, in tensors of fixed size that are updated in place."""

    def __init__(self, keys: Tensor, values: Tensor, positions: Tensor, mask: Tensor) -> None:
        self.keys, self.values, self.positions, self.mask = keys, values, positions, mask

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Write at the positions; return the visible keys and values, and their mask."""
        self.keys.index_copy_(2, self.positions, k)
        self.values.index_copy_(2, self.positions, v)
        visible = self.mask.shape[-1]
        return self.keys[:, :, :visible], self.values[:, :, :visible], self.mask


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.w1 = nn.Linear(shape.d_model, shape.d_ff, bias=False)
        self.w2 = nn.Linear(shape.d_ff, shape.d_model, bias=False)
        self.w3 = nn.Linear(shape.d_model, shape.d_ff, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return W2(SiLU(W1 x) * W3 x)."""
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    """Pre-norm Transformer block."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.d_model, shape.norm_eps)
        self.attention = Attention(shape)
        self.feedforward_norm = nn.RMSNorm(shape.d_model, shape.norm_eps)
        self.feedforward = FeedForward(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: LayerCache | None = None) -> Tensor:
        """Add the outputs of both sub-layers to the residual stream."""
        x = x + self.attention(self.attention_norm(x), cos, sin, cache)
        return x + self.feedforward(self.feedforward_norm(x))


class PlainLM(nn.Module):
    """Embedding, blocks, norm, head."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocab_size, shape.d_model)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.num_layers))
        self.final_norm = nn.RMSNorm(shape.d_model, shape.norm_eps)
        self.lm_head = nn.Linear(shape.d_model, shape.vocab_size, bias=False)
        if shape.tied:
            self.lm_head.weight = self.embedding.weight
        frequencies = shape.rope_theta ** -(torch.arange(0, shape.d_head, 2).double() / shape.d_head)
        angles = torch.outer(torch.arange(shape.context_length).double(), frequencies)
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def logits(self, ids: Tensor) -> Tensor:
        """Return the logits after each id."""
        x = self.embedding(ids)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.lm_head(self.final_norm(x))

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy."""
        return F.cross_entropy(self.logits(ids).flatten(0, 1).float(), targets.flatten())

    def decode(self, ids: Tensor, positions: Tensor, cache: list[tuple[Tensor, Tensor]], visible: int) -> Tensor:
        """Continue sequences by `ids` and return the most probable id after each.

        Args:
            ids: the next ids of each sequence.
            positions: of the ids, the same for all sequences.
            cache: keys and values of each layer.
            visible: the first positions of the cache that attention reads.
        """
        x = self.embedding(ids)
        cos, sin = self.cos[positions], self.sin[positions]
        mask = torch.arange(visible, device=ids.device) <= positions[:, None]
        for block, (keys, values) in zip(self.blocks, cache, strict=True):
            x = block(x, cos, sin, LayerCache(keys, values, positions, mask))
        return self.lm_head(self.final_norm(x[:, -1:])).argmax(-1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate entry p of each head with entry p + d_head/2."""
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1).to(x.dtype)


def build(shape: Shape, setup: Setup, *, same_weights: bool = True) -> PlainLM:
    """Build the model, with the weights that all models start from or with its own."""
    model = PlainLM(shape)
    if same_weights:
        model.load_state_dict(dict(draw_weights(shape, rotary_halves=ROTARY_HALVES)), strict=not shape.tied)
    return model.to(setup.device)


def logits(model: PlainLM, ids: Tensor) -> Tensor:
    """Return the logits after each id."""
    return model.logits(ids)


def loss(model: PlainLM, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy."""
    return model(inputs, targets)


def parameters(model: PlainLM) -> Mapping[str, nn.Parameter]:
    """Return the parameters by our names, which this model uses too."""
    return dict(model.named_parameters())


def training_step(shape: Shape, setup: Setup, *, same_weights: bool = True) -> Step:
    """Return the function that trains the model for one step; for `same_weights` see `build`."""
    model = build(shape, setup, same_weights=same_weights)
    return torch_step(model, setup.maybe_compile(model), setup)
