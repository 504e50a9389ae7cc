"""The peer in plain PyTorch: what its users write today, with torch's own layers, attention, loss and optimizer."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from model_setup import Setup
from model_shapes import Shape
from model_torch_step import Step, torch_step

ROTARY_HALVES = True
"""It rotates entry p of a head with entry p + d_head/2, as Llama's code does."""


class Attention(nn.Module):
    """Causal multi-head attention with rotary positions and room for a cache."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.num_heads = shape.num_heads
        self.q_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.k_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.v_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.output_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)

    def heads(self, x: Tensor) -> Tensor:
        """Cut the width into heads."""
        return x.view(*x.shape[:-1], self.num_heads, -1).transpose(1, 2)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: "LayerCache | None" = None) -> Tensor:
        """Attend to the past, in the sequence or in the cache."""
        q, k, v = self.heads(self.q_proj(x)), self.heads(self.k_proj(x)), self.heads(self.v_proj(x))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is None:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            k, v, mask = cache.extend(k, v)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.output_proj(y.transpose(1, 2).flatten(2))


class LayerCache:
    """Keys and values of one layer, in tensors of fixed size that are written in place."""

    def __init__(self, keys: Tensor, values: Tensor, positions: Tensor, mask: Tensor) -> None:
        self.keys, self.values, self.positions, self.mask = keys, values, positions, mask

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Write at the positions; return all that the mask is about."""
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
        """Add both sub-layers to the stream."""
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
        """Continue sequences by `ids` and return the likeliest id after each.

        Args:
            ids: the next ids of each sequence.
            positions: where they stand, the same for all sequences.
            cache: keys and values of each layer.
            visible: how much of the cache is looked at.
        """
        x = self.embedding(ids)
        cos, sin = self.cos[positions], self.sin[positions]
        mask = torch.arange(visible, device=ids.device) <= positions[:, None]
        for block, (keys, values) in zip(self.blocks, cache, strict=True):
            x = block(x, cos, sin, LayerCache(keys, values, positions, mask))
        return self.lm_head(self.final_norm(x[:, -1:])).argmax(-1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn entry p of each head together with entry p + d_head/2."""
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1).to(x.dtype)


def build(shape: Shape, setup: Setup) -> PlainLM:
    """Make the model with the weights that all start from."""
    model = PlainLM(shape)
    model.load_state_dict(dict(shape.weights(rotary_halves=ROTARY_HALVES)), strict=not shape.tied)
    return model.to(setup.device)


def logits(model: PlainLM, ids: Tensor) -> Tensor:
    """Return the logits after each id."""
    return model.logits(ids)


def loss(model: PlainLM, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy."""
    return model(inputs, targets)


def parameters(model: PlainLM) -> Mapping[str, nn.Parameter]:
    """Return the parameters by our names, which are this model's too."""
    return dict(model.named_parameters())


def training_step(shape: Shape, setup: Setup) -> Step:
    """Return the step: ids and targets in, loss and gradient norm out."""
    model = build(shape, setup)
    return torch_step(model, setup.maybe_compile(model), setup)


class Generator:
    """Greedy decoding with a cache of fixed size, made once; one step is compiled where the mode says so."""

    def __init__(self, shape: Shape, setup: Setup, prompt: list[int], new: int, dtype: torch.dtype) -> None:
        """Make model and cache; `new` ids are to follow the prompt."""
        self.model = build(shape, setup).to(dtype)
        self.prompt = torch.tensor([prompt], device=setup.device)
        self.new = new
        self.capacity = len(prompt) + new
        size = (1, shape.num_heads, self.capacity, shape.d_head)
        weight = self.model.lm_head.weight
        self.cache = [(weight.new_zeros(size), weight.new_zeros(size)) for _ in range(shape.num_layers)]
        self.decode = setup.maybe_compile(self.model.decode)
        self.grows = not setup.compiled
        """A step looks at what is there, not at the whole cache: a compiled step needs fixed shapes."""

    @torch.no_grad()
    def run(self, on_token: Callable[[], None]) -> list[int]:
        """Continue the prompt; `on_token` is called as soon as each id is known."""
        length, device = self.prompt.shape[1], self.prompt.device
        ids = self.model.decode(self.prompt, torch.arange(length, device=device), self.cache, length)
        drawn = [int(ids)]
        on_token()
        for position in range(length, length + self.new - 1):
            at = torch.tensor([position], device=device)
            ids = self.decode(ids, at, self.cache, position + 1 if self.grows else self.capacity)
            drawn.append(int(ids))
            on_token()
        return drawn
