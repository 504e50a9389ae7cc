"""Causal multi-head self-attention.

Axes in this file: `b` batch, `t` position, `d` model width, `h` query heads, `kv` key/value heads,
`g` query heads that share one key/value head (h = kv·g), `e` width of a head.
"""

import einx
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module

from nn.functional import causal_mask, scaled_dot_product_attention
from nn.linear import Linear
from nn.rotary import RotaryPositionalEmbedding


class CausalMultiHeadSelfAttention(Module):
    """`W_o · concat_h(attention(W_q x, W_k x, W_v x))`, each position seeing itself and the past.

    With rotary embedding on queries and keys if given one, and key/value heads shared by groups of query heads
    (Ainslie et al. 2023, arXiv:2305.13245) if there are fewer of them.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        num_kv_heads: int | None = None,
        rope: RotaryPositionalEmbedding | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        if d_model % num_heads or num_heads % self.num_kv_heads:
            raise ValueError(
                f"{num_heads} heads must divide d_model = {d_model}, "
                f"and {self.num_kv_heads} key/value heads must divide {num_heads}"
            )
        d_head = d_model // num_heads
        self.rope = rope
        self.q_proj = Linear(d_model, num_heads * d_head, device=device, dtype=dtype)
        self.k_proj = Linear(d_model, self.num_kv_heads * d_head, device=device, dtype=dtype)
        self.v_proj = Linear(d_model, self.num_kv_heads * d_head, device=device, dtype=dtype)
        self.output_proj = Linear(num_heads * d_head, d_model, device=device, dtype=dtype)

    def forward(
        self, x: Float[Tensor, "b t d"], token_positions: Int[Tensor, "*#b t"] | None = None
    ) -> Float[Tensor, "b t d"]:
        """Attend within each sequence.

        Args:
            x: the residual stream.
            token_positions: what rotary embedding turns by; 0, 1, 2, … if not given.
        """
        seq = x.shape[1]
        q = einx.id("b t (h e) -> b h t e", self.q_proj(x), h=self.num_heads)
        k = einx.id("b t (kv e) -> b kv t e", self.k_proj(x), kv=self.num_kv_heads)
        v = einx.id("b t (kv e) -> b kv t e", self.v_proj(x), kv=self.num_kv_heads)
        if self.rope is not None:
            if token_positions is None:
                token_positions = torch.arange(seq, device=x.device)
            if token_positions.ndim == 2:
                token_positions = einx.id("b t -> b 1 t", token_positions)  # the same for every head
            q, k = self.rope(q, token_positions), self.rope(k, token_positions)
        group = self.num_heads // self.num_kv_heads
        if group > 1:
            k, v = (einx.id("b kv t e -> b (kv g) t e", heads, g=group) for heads in (k, v))
        attended = scaled_dot_product_attention(q, k, v, causal_mask(seq, x.device))
        return self.output_proj(einx.id("b h t e -> b t (h e)", attended))
