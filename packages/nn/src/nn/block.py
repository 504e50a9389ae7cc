"""One Transformer block: attention, then a feed-forward network, each added to the residual stream."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Module

from nn.attention import CausalMultiHeadSelfAttention
from nn.config import ModelConfig
from nn.feedforward import NETWORKS
from nn.forward_state import ForwardState
from nn.initialization import SHORTCUT_MIX_START
from nn.mixing import Mix
from nn.normalization import make_norm
from nn.rotary import RotaryPositionalEmbedding


class TransformerBlock(Module):
    """Pre-norm, post-norm, or no norm, by `config.norm`.

    Pre-norm (Xiong et al. 2020, arXiv:2002.04745): `z = x + Attn(RMSNorm(x)); y = z + FFN(RMSNorm(z))`.
    Post-norm (Vaswani et al. 2017): `z = RMSNorm(x + Attn(x)); y = RMSNorm(z + FFN(z))`.
    With an embedding shortcut, `x` is first mixed with the embedding.
    """

    def __init__(
        self,
        config: ModelConfig,
        rope: RotaryPositionalEmbedding | None = None,
        *,
        layer: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the block.

        Args:
            config: the model that it belongs to.
            rope: the model's rotary embedding.
            layer: which block this is, from 0.
            device: of the parameters.
            dtype: of the parameters.
        """
        super().__init__()
        self.norm = config.norm
        self.embedding_shortcut = config.embedding_shortcut
        if config.embedding_shortcut:
            self.shortcut_mix = Mix(SHORTCUT_MIX_START, device=device, dtype=dtype)
        self.attention = CausalMultiHeadSelfAttention.from_config(config, layer, rope, device=device, dtype=dtype)
        self.feedforward = NETWORKS[config.ffn](
            config.d_model,
            config.feedforward_width,
            zero_init_output=config.zero_init_outputs,
            device=device,
            dtype=dtype,
        )
        self.attention_norm = make_norm(config, device=device, dtype=dtype)
        self.feedforward_norm = make_norm(config, device=device, dtype=dtype)

    def forward(self, x: Float[Tensor, "b t d"], state: ForwardState | None = None) -> Float[Tensor, "b t d"]:
        """Return the residual stream after this block.

        Args:
            x: the residual stream before it.
            state: what the pass shares with other blocks; whole sequences from position 0 if not given.
        """
        if self.embedding_shortcut and state is not None and state.embedding is not None:
            x = self.shortcut_mix(x, state.embedding)
        if self.norm == "post":
            z = self.attention_norm(x + self.attention(x, state))
            return self.feedforward_norm(z + self.feedforward(z))
        z = x + self.attention(self.attention_norm(x), state)
        return z + self.feedforward(self.feedforward_norm(z))
