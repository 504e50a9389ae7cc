"""Causal multi-head self-attention, and the choice of the function that computes it. Axes: see `nn`."""

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, get_args

import einx
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import Module

from nn.attention_backends import flex_attention_within, fused_attention
from nn.config import AttentionBackend
from nn.documents import same_document
from nn.functional import causal_mask, scaled_dot_product_attention
from nn.initialization import VALUE_MIX_START, Initializer, draw_normal
from nn.layers import Linear, Mix, RMSNorm, ValueGate, joint_linear
from nn.rotary import RotaryPositionalEmbedding, rotate

AttentionFunction: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From queries `[... h t e]`, keys and values `[... kv t e]` to what each query attends to, `[... h t e]`."""


class CausalMultiHeadSelfAttention(Module):
    """`W_o · concat_h(attention(W_q x, W_k x, W_v x))`, where each position attends to itself and to earlier ones.

    Queries and keys are rotated if `rope` is given. With fewer key/value heads than query heads, each is shared by a
    group of query heads (Ainslie et al. 2023, arXiv:2305.13245). `ModelConfig` names the sources of the other options.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        num_kv_heads: int | None = None,
        rope: RotaryPositionalEmbedding | None = None,
        window: int | None = None,
        backend: AttentionBackend = "auto",
        qk_norm: bool = False,
        norm_eps: float = 1e-5,
        norm_gains: bool = True,
        qk_scale: float = 1.0,
        mix_first_values: bool = False,
        add_embedded_values: bool = False,
        init: Initializer = draw_normal,
        zero_init_output: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the projections.

        Args:
            d_model: width of the model.
            num_heads: number of query heads.
            num_kv_heads: number of key/value heads; num_heads if not given.
            rope: rotates queries and keys; without it attention has no position information but the causal mask.
            window: each position attends to at most this many, itself included; to all before it if not given.
            backend: computes attention where the caller does not pass `attend`.
            qk_norm: normalize each query and key, before rotation.
            norm_eps: eps of that norm.
            norm_gains: whether it has learned gains.
            qk_scale: scores are multiplied by this, beside 1/√d_head.
            mix_first_values: mix the values with those of a model's first block, which `forward` is then given.
            add_embedded_values: add embedded values, which `forward` is then given, to the values, by a learned gate.
            init: draws the initial projections.
            zero_init_output: start the output projection at 0.
            device: of the parameters.
            dtype: of the parameters.

        Raises:
            ValueError: num_heads does not divide d_model, num_kv_heads does not divide num_heads, or the back end is
                unknown.
        """
        super().__init__()
        self.num_heads = num_heads
        self.num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        if d_model % num_heads or num_heads % self.num_kv_heads:
            raise ValueError(
                f"{num_heads} heads must divide d_model = {d_model}, "
                f"and {self.num_kv_heads} key/value heads must divide {num_heads}"
            )
        if backend not in get_args(AttentionBackend):
            raise ValueError(f"backend is {backend!r}: choose one of {', '.join(get_args(AttentionBackend))}")
        d_head = d_model // num_heads
        self.rope, self.window, self.backend = rope, window, backend
        self.q_proj = Linear(d_model, num_heads * d_head, init=init, device=device, dtype=dtype)
        self.k_proj = Linear(d_model, self.num_kv_heads * d_head, init=init, device=device, dtype=dtype)
        self.v_proj = Linear(d_model, self.num_kv_heads * d_head, init=init, device=device, dtype=dtype)
        self.output_proj = Linear(
            num_heads * d_head, d_model, init=init, zero_init=zero_init_output, device=device, dtype=dtype
        )
        self.qk_norm, self.qk_scale = qk_norm, qk_scale
        if qk_norm:
            self.q_norm = RMSNorm(d_head, norm_eps, gains=norm_gains, device=device, dtype=dtype)
            self.k_norm = RMSNorm(d_head, norm_eps, gains=norm_gains, device=device, dtype=dtype)
        self.mix_first_values = mix_first_values
        if mix_first_values:
            self.value_mix = Mix(VALUE_MIX_START, device=device, dtype=dtype)
        self.add_embedded_values = add_embedded_values
        if add_embedded_values:
            self.value_gate = ValueGate(d_model, self.num_kv_heads, device=device, dtype=dtype)

    def forward(
        self,
        x: Float[Tensor, "*b t d"],
        token_positions: Int[Tensor, "*#b t"] | None = None,
        *,
        attend: AttentionFunction | None = None,
        first_values: Float[Tensor, "*b kv t e"] | None = None,
        embedded_values: Float[Tensor, "*b t _"] | None = None,
        return_values: bool = False,
    ) -> Float[Tensor, "*b t d"] | tuple[Float[Tensor, "*b t d"], Float[Tensor, "*b kv t e"]]:
        """Attend within each sequence.

        Args:
            x: one vector for each position, with any number of leading dimensions.
            token_positions: the positions that rotary embedding rotates to; 0, 1, 2, … if not given.
            attend: computes attention, such as what `causal_attention` returns; if not given, attention is causal,
                within the window.
            first_values: the values of a model's first block, with `mix_first_values`.
            embedded_values: a vector of width kv·e for each position, with `add_embedded_values`.
            return_values: return the values too, before any mixing.

        Raises:
            ValueError: `mix_first_values` or `add_embedded_values` is on, but what it needs is not given.
        """
        q, k, v = joint_linear(x, self.q_proj, self.k_proj, self.v_proj)
        queries = einx.id("... t (h e) -> ... t h e", q, h=self.num_heads)
        keys = einx.id("... t (kv e) -> ... t kv e", k, kv=self.num_kv_heads)
        values = own_values = einx.id("... t (kv e) -> ... kv t e", v, kv=self.num_kv_heads)
        if self.qk_norm:
            queries, keys = self.q_norm(queries), self.k_norm(keys)
        if self.qk_scale != 1:
            queries = self.qk_scale * queries
        if self.rope is not None:
            # Rotated before heads and positions change places, so that a kernel writes what the next one reads.
            tables = self.rope.tables(x.shape[-2], token_positions)
            cos, sin = (einx.id("... t e -> ... t 1 e", table) for table in tables)
            queries, keys = rotate(queries, cos, sin), rotate(keys, cos, sin)
        queries, keys = einx.id("... t h e, ... t kv e -> ... h t e, ... kv t e", queries, keys)
        if self.mix_first_values:
            if first_values is None:
                raise ValueError("this attention mixes in the values of a model's first block: pass first_values")
            values = self.value_mix(own_values, first_values)
        if self.add_embedded_values:
            if embedded_values is None:
                raise ValueError("this attention adds embedded values of the tokens: pass embedded_values")
            gates = self.value_gate(x)
            values = values + einx.multiply("... t kv, ... t (kv e) -> ... kv t e", gates, embedded_values)
        if attend is None:
            attend = causal_attention(self.backend, x.shape[-2], x.device, window=self.window)
        output = self.output_proj(einx.id("... h t e -> ... t (h e)", attend(queries, keys, values)))
        return (output, own_values) if return_values else output


def causal_attention(
    backend: AttentionBackend,
    t: int,
    device: torch.device,
    *,
    window: int | None = None,
    documents: Int[Tensor, "*b {t}"] | None = None,
) -> AttentionFunction:
    """Choose the function that computes causal attention, once for all blocks of a forward pass.

    - `einx` is the definition, `scaled_dot_product_attention`: it stores every score.
    - `fused` is torch's kernel for the same formula: it stores no scores, and is the fastest where there is neither
      window nor documents.
    - `flex` skips what a window or the borders of documents mask. Torch trains with it on GPUs only, so on a CPU that
      needs gradients `fused` is chosen instead.
    - `auto` is what `choose_backend` returns.

    Args:
        backend: one of the four.
        t: number of positions.
        device: of the tensors.
        window: each position attends to at most this many, itself included.
        documents: the number of each token's document, see `number_documents`; attention stays within documents.
    """
    if window is not None and window >= t:
        window = None
    if backend == "auto":
        backend = choose_backend(device, masked=window is not None or documents is not None)
    if backend == "flex" and not (device.type == "cpu" and torch.is_grad_enabled()):
        return flex_attention_within(t, device, window=window, documents=documents)
    if backend != "einx" and window is None and documents is None:
        return fused_attention
    mask = causal_mask(t, device, window=window)
    if documents is not None:
        mask = einx.id("... q k -> ... 1 q k", mask & same_document(documents, documents))  # the same for every head
    return partial(scaled_dot_product_attention if backend == "einx" else fused_attention, mask=mask)


def choose_backend(device: torch.device, *, masked: bool) -> AttentionBackend:
    """Return the back end that `auto` stands for.

    On CPUs `fused` is the fastest with and without a mask: 1.7 to 3.5 times as fast as the definition, as
    `docs/benchmarks/model.md` shows. On NVIDIA's GPUs it is the fastest without a mask; `flex`, which needs triton, is
    made for masks.

    Args:
        device: of the tensors.
        masked: whether there is a window or are documents, beside the causal mask.
    """
    return "flex" if masked and device.type == "cuda" and importlib.util.find_spec("triton") else "fused"


def masked_attention(backend: AttentionBackend, mask: Bool[Tensor, "*#b q k"]) -> AttentionFunction:
    """Choose the function that computes attention under a mask that changes at every step, as decoding needs.

    `fused` stands in for `auto`, and for `flex`, which would need a new block mask at each step. A single query is
    computed by the definition where the compiler makes one loop of it, which is faster than calling a kernel: a step of
    the base model takes 1.8 ms instead of 2.1 on two cores.
    """
    single_compiled_query = mask.shape[-2] == 1 and torch.compiler.is_compiling()
    definition = backend == "einx" or single_compiled_query
    return partial(scaled_dot_product_attention if definition else fused_attention, mask=mask)
