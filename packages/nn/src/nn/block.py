"""One Transformer block: attention, then a feed-forward network, each added to the residual stream. Axes: see `nn`."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module

from nn.attention import AttentionFunction, CausalMultiHeadSelfAttention
from nn.config import ModelConfig
from nn.feedforward import NETWORKS
from nn.initialization import matrix_initializer, shortcut_start
from nn.layers import Mix, RMSNorm
from nn.rotary import RotaryPositionalEmbedding


class TransformerBlock(Module):
    """Pre-norm, post-norm, or no norm, by `config.norm`.

    Pre-norm (Xiong et al. 2020, arXiv:2002.04745): `z = x + Attn(RMSNorm(x)); y = z + FFN(RMSNorm(z))`.
    Post-norm (Vaswani et al. 2017): `z = RMSNorm(x + Attn(x)); y = RMSNorm(z + FFN(z))`.
    With an embedding shortcut, `x` is first mixed with the embedding.

    >>> block = TransformerBlock(ModelConfig(d_model=32, num_heads=2))
    >>> block(torch.zeros(3, 10, 32)).shape
    torch.Size([3, 10, 32])
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
            rope: a table of angles to share with other blocks; with `position: rope` the block makes one if not given.
            layer: the number of the block in its model, from 0.
            device: of the parameters.
            dtype: of the parameters.
        """
        super().__init__()
        self.config, self.layer = config, layer
        if config.position == "none":
            rope = None
        elif rope is None:
            rope = RotaryPositionalEmbedding(config.rope_theta, config.d_head, config.context_length, device=device)
        if config.embedding_shortcut:
            self.shortcut_mix = Mix(shortcut_start(config, layer), device=device, dtype=dtype)
        init = matrix_initializer(config.init)
        self.attention = CausalMultiHeadSelfAttention(
            config.d_model,
            config.num_heads,
            num_kv_heads=config.num_kv_heads,
            rope=rope,
            window=config.window,
            backend=config.attention,
            qk_norm=config.qk_norm,
            norm_eps=config.norm_eps,
            norm_gains=config.norm_gains,
            qk_scale=config.qk_scale,
            mix_first_values=config.value_residual and layer > 0,
            add_embedded_values=layer in config.value_embedding_layers,
            init=init,
            zero_init_output=config.zero_init_outputs,
            device=device,
            dtype=dtype,
        )
        self.feedforward = NETWORKS[config.ffn](
            config.d_model,
            config.feedforward_width,
            init=init,
            input_init=matrix_initializer(config.init, config.ffn_init_scale),
            zero_init_output=config.zero_init_outputs,
            device=device,
            dtype=dtype,
        )
        if config.norm != "none":
            gains = config.norm_gains
            self.attention_norm = RMSNorm(config.d_model, config.norm_eps, gains=gains, device=device, dtype=dtype)
            self.feedforward_norm = RMSNorm(config.d_model, config.norm_eps, gains=gains, device=device, dtype=dtype)

    def forward(
        self,
        x: Float[Tensor, "*b t d"],
        token_positions: Int[Tensor, "*#b t"] | None = None,
        *,
        attend: AttentionFunction | None = None,
        embedding: Float[Tensor, "*b t d"] | None = None,
        first_values: Float[Tensor, "*b kv t e"] | None = None,
        embedded_values: Float[Tensor, "*b t _"] | None = None,
        return_values: bool = False,
    ) -> Float[Tensor, "*b t d"] | tuple[Float[Tensor, "*b t d"], Float[Tensor, "*b kv t e"]]:
        """Return the residual stream after this block.

        Args:
            x: the residual stream before it.
            token_positions: the positions that rotary embedding rotates to; 0, 1, 2, … if not given.
            attend: computes attention, such as what `causal_attention` returns; if not given, attention is causal,
                within the window of the configuration, by its back end.
            embedding: the first residual stream, for `embedding_shortcut`; in the first block it is `x`.
            first_values: the first block's values, for the later blocks with `value_residual`.
            embedded_values: for `value_embeddings`, in the blocks of `config.value_embedding_layers`: the rows of the
                ids, `[*b t kv·e]`, in this block's table, one of `TransformerLM.value_embeddings`.
            return_values: return the pair of residual stream and attention's values. Those of the first block are the
                `first_values` of the others.

        Raises:
            ValueError: the configuration asks for documents, an embedding shortcut, a value residual or value
                embeddings, and what the block needs for it is not given.
        """
        if attend is None and self.config.separator_token is not None:
            raise ValueError(
                f"model.separator_token is {self.config.separator_token}, but a block does not know the ids: pass "
                "attend=causal_attention(..., documents=number_documents(token_ids, separator_token))"
            )
        if self.config.embedding_shortcut:
            if embedding is None and self.layer > 0:
                raise ValueError("model.embedding_shortcut is on: pass embedding, the input of the first block")
            x = self.shortcut_mix(x, x if embedding is None else embedding)
        attended, values = self.attention(
            self.attention_norm(x) if self.config.norm == "pre" else x,
            token_positions,
            attend=attend,
            first_values=first_values,
            embedded_values=embedded_values,
            return_values=True,
        )
        if self.config.norm == "post":
            z = self.attention_norm(x + attended)
            y = self.feedforward_norm(z + self.feedforward(z))
        else:
            z = x + attended
            y = z + self.feedforward(self.feedforward_norm(z) if self.config.norm == "pre" else z)
        return (y, values) if return_values else y
