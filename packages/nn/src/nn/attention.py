"""Causal multi-head self-attention.

Axes in this file: `b` batch, `t` position, `d` model width, `h` query heads, `kv` key/value heads,
`g` query heads that share one key/value head (h = kv·g), `e` width of a head.
"""

import einx
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Module

from nn.attention_backends import attend, cached_backend, sequence_mask, usable_backend
from nn.config import AttentionBackend, ModelConfig
from nn.forward_state import ForwardState
from nn.initialization import VALUE_MIX_START
from nn.linear import Linear
from nn.mixing import Mix
from nn.normalization import Identity, RMSNorm
from nn.rotary import RotaryPositionalEmbedding


class CausalMultiHeadSelfAttention(Module):
    """`W_o · concat_h(attention(W_q x, W_k x, W_v x))`, each position seeing itself and the past.

    With rotary embedding on queries and keys if given one, and key/value heads shared by groups of query heads
    (Ainslie et al. 2023, arXiv:2305.13245) if there are fewer of them. `ModelConfig` names the sources of the rest.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        num_kv_heads: int | None = None,
        rope: RotaryPositionalEmbedding | None = None,
        window: int | None = None,
        qk_norm: bool = False,
        norm_eps: float = 1e-5,
        value_residual: bool = False,
        zero_init_output: bool = False,
        backend: AttentionBackend = "einx",
        layer: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the projections.

        Args:
            d_model: width of the residual stream.
            num_heads: query heads.
            num_kv_heads: key/value heads; as many if not given.
            rope: turns queries and keys.
            window: positions that each one sees at most; all before it if not given.
            qk_norm: normalize each query and key, before rotation.
            norm_eps: of that norm.
            value_residual: mix the first block's values into this one's (in the first block: note them).
            zero_init_output: start the output projection at 0.
            backend: who computes attention.
            layer: which block this is, from 0.
            device: of the parameters.
            dtype: of the parameters.

        Raises:
            ValueError: the heads do not divide the width, or the key/value heads the heads.
        """
        super().__init__()
        self.num_heads = num_heads
        self.num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        if d_model % num_heads or num_heads % self.num_kv_heads:
            raise ValueError(
                f"{num_heads} heads must divide d_model = {d_model}, "
                f"and {self.num_kv_heads} key/value heads must divide {num_heads}"
            )
        d_head = d_model // num_heads
        self.rope, self.window, self.backend, self.layer = rope, window, backend, layer
        self.q_proj = Linear(d_model, num_heads * d_head, device=device, dtype=dtype)
        self.k_proj = Linear(d_model, self.num_kv_heads * d_head, device=device, dtype=dtype)
        self.v_proj = Linear(d_model, self.num_kv_heads * d_head, device=device, dtype=dtype)
        self.output_proj = Linear(num_heads * d_head, d_model, zero_init=zero_init_output, device=device, dtype=dtype)
        self.q_norm, self.k_norm = (
            RMSNorm(d_head, norm_eps, device=device, dtype=dtype) if qk_norm else Identity() for _ in range(2)
        )
        self.value_residual = value_residual
        if value_residual and layer > 0:
            self.value_mix = Mix(VALUE_MIX_START, device=device, dtype=dtype)

    @classmethod
    def from_config(
        cls,
        config: ModelConfig,
        layer: int,
        rope: RotaryPositionalEmbedding | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> "CausalMultiHeadSelfAttention":
        """Make the attention of one block of a model."""
        return cls(
            config.d_model,
            config.num_heads,
            num_kv_heads=config.num_kv_heads,
            rope=rope,
            window=config.window,
            qk_norm=config.qk_norm,
            norm_eps=config.norm_eps,
            value_residual=config.value_residual,
            zero_init_output=config.zero_init_outputs,
            backend=config.attention,
            layer=layer,
            device=device,
            dtype=dtype,
        )

    def forward(self, x: Float[Tensor, "b t d"], state: ForwardState | None = None) -> Float[Tensor, "b t d"]:
        """Attend within each sequence.

        Args:
            x: the residual stream.
            state: what the pass shares with other blocks; whole sequences from position 0 if not given.
        """
        state = state or ForwardState()
        q, k, v = self._heads(x, state)
        backend = usable_backend(self.backend, x.device)
        mask = state.mask
        if state.cache is not None:
            assert state.token_positions is not None
            k, v = state.cache.write(self.layer, k, v, state.token_positions)
            backend = cached_backend(backend, x.shape[1])
        elif mask is None:
            mask = sequence_mask(backend, x.shape[1], x.device, window=self.window)
        return self.output_proj(einx.id("b h t e -> b t (h e)", attend(backend, q, k, v, mask)))

    def _heads(
        self, x: Float[Tensor, "b t d"], state: ForwardState
    ) -> tuple[Float[Tensor, "b h t e"], Float[Tensor, "b kv t e"], Float[Tensor, "b kv t e"]]:
        """Return queries, keys and values."""
        q = self.q_norm(einx.id("b t (h e) -> b h t e", self.q_proj(x), h=self.num_heads))
        k = self.k_norm(einx.id("b t (kv e) -> b kv t e", self.k_proj(x), kv=self.num_kv_heads))
        v = einx.id("b t (kv e) -> b kv t e", self.v_proj(x), kv=self.num_kv_heads)
        if self.rope is not None:
            positions = state.token_positions
            if positions is None:
                positions = torch.arange(x.shape[1], device=x.device)
            if positions.ndim == 2:
                positions = einx.id("b t -> b 1 t", positions)  # the same for every head
            q, k = self.rope(q, positions), self.rope(k, positions)
        if self.value_residual:
            if self.layer == 0:
                state.first_values = v
            elif state.first_values is not None:
                v = self.value_mix(v, state.first_values)
        return q, k, v
