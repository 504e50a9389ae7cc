"""One Transformer block: attention, then a feed-forward network, each added to the residual stream."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module

from nn.attention import CausalMultiHeadSelfAttention
from nn.config import ModelConfig
from nn.feedforward import NETWORKS
from nn.normalization import Identity, RMSNorm
from nn.rotary import RotaryPositionalEmbedding


class TransformerBlock(Module):
    """Pre-norm, post-norm, or no norm, by `config.norm`.

    Pre-norm (Xiong et al. 2020, arXiv:2002.04745): `z = x + Attn(RMSNorm(x)); y = z + FFN(RMSNorm(z))`.
    Post-norm (Vaswani et al. 2017): `z = RMSNorm(x + Attn(x)); y = RMSNorm(z + FFN(z))`.
    """

    def __init__(
        self,
        config: ModelConfig,
        rope: RotaryPositionalEmbedding | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.norm = config.norm
        self.attention = CausalMultiHeadSelfAttention(
            config.d_model,
            config.num_heads,
            num_kv_heads=config.num_kv_heads,
            rope=rope,
            device=device,
            dtype=dtype,
        )
        self.feedforward = NETWORKS[config.ffn](config.d_model, config.feedforward_width, device=device, dtype=dtype)
        self.attention_norm, self.feedforward_norm = (
            Identity()
            if config.norm == "none"
            else RMSNorm(config.d_model, config.norm_eps, device=device, dtype=dtype)
            for _ in range(2)
        )

    def forward(
        self, x: Float[Tensor, "b t d"], token_positions: Int[Tensor, "*#b t"] | None = None
    ) -> Float[Tensor, "b t d"]:
        """Return the residual stream after this block."""
        if self.norm == "post":
            z = self.attention_norm(x + self.attention(x, token_positions))
            return self.feedforward_norm(z + self.feedforward(z))
        z = x + self.attention(self.attention_norm(x), token_positions)
        return z + self.feedforward(self.feedforward_norm(z))
