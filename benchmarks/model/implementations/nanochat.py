"""A model like nanochat's, written for this benchmark from its published description.

It is another model than ours: RMSNorm without gains, also right after the embedding; queries and keys normalized after
a rotation of halves; a feed-forward network W2 relu(W1 x)²; a head of its own, whose logits are soft-capped; the
embedding in bfloat16. So its results cannot be compared with ours, but its speed can: with W1 and W2 of 3/2 the width
of our three matrices, a token takes the same matrix products' arithmetic, and the blocks have as many weights.

Source of the description: A. Karpathy 2025, github.com/karpathy/nanochat.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from benchmarks.model.implementations.plain import rotate
from benchmarks.model.implementations.torch_step import Step, torch_step
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape

_SOFT_CAP = 15.0


def num_parameters(shape: Shape) -> int:
    """Return the number of weights: those of the matrices of the blocks, of the embedding and of the head."""
    blocks = shape.num_layers * (4 * shape.d_model**2 + 2 * shape.d_model * _width(shape))
    return blocks + 2 * shape.vocab_size * shape.d_model


def training_step(shape: Shape, setup: Setup, *, same_weights: bool = True) -> Step:  # noqa: ARG001 - it has its own
    """Return the function that trains the model for one step."""
    model = NanochatStyleLM(shape, setup.dtype).to(setup.device)
    return torch_step(model, setup.maybe_compile(model), setup)


class NanochatStyleLM(nn.Module):
    """Embedding, blocks, head."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape, embedding_dtype: torch.dtype) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocab_size, shape.d_model, dtype=embedding_dtype)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.num_layers))
        self.lm_head = nn.Linear(shape.d_model, shape.vocab_size, bias=False)
        frequencies = shape.rope_theta ** -(torch.arange(0, shape.d_head, 2).double() / shape.d_head)
        angles = torch.outer(torch.arange(shape.context_length).double(), frequencies)
        self.register_buffer("cos", angles.cos().to(embedding_dtype), persistent=False)
        self.register_buffer("sin", angles.sin().to(embedding_dtype), persistent=False)

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy."""
        x = _normalize(self.embedding(ids))
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for block in self.blocks:
            x = block(x, cos, sin)
        logits = self.lm_head(_normalize(x)).float()
        logits = _SOFT_CAP * torch.tanh(logits / _SOFT_CAP)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class Block(nn.Module):
    """Attention and feed-forward network, each on a normalized input."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.num_heads = shape.num_heads
        self.q_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.k_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.v_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.output_proj = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.w1 = nn.Linear(shape.d_model, _width(shape), bias=False)
        self.w2 = nn.Linear(_width(shape), shape.d_model, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Add the outputs of both sub-layers to the residual stream."""
        x = x + self.attend(_normalize(x), cos, sin)
        return x + self.w2(F.relu(self.w1(_normalize(x))).square())

    def attend(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Attend to earlier positions."""
        size = (*x.shape[:-1], self.num_heads, -1)
        q, k, v = (project(x).view(size).transpose(1, 2) for project in (self.q_proj, self.k_proj, self.v_proj))
        q, k = _normalize(rotate(q, cos, sin)), _normalize(rotate(k, cos, sin))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.output_proj(y.transpose(1, 2).flatten(2))


def _width(shape: Shape) -> int:
    """Return the width of the feed-forward network whose two matrices have as many weights as three of width d_ff."""
    return 3 * shape.d_ff // 2


def _normalize(x: Tensor) -> Tensor:
    """Return RMSNorm without gains, in the dtype of the input."""
    return F.rms_norm(x, (x.shape[-1],)).to(x.dtype)
