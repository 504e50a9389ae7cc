"""The whole model: ids in, logits out. Axes: see `nn`."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module, ModuleList

from nn.attention import causal_attention
from nn.block import TransformerBlock
from nn.config import ModelConfig
from nn.documents import number_documents
from nn.functional import soft_cap
from nn.initialization import embedding_std, head_initializer
from nn.kv_cache import KVCache
from nn.layers import Embedding, Linear, Mix, RMSNorm, ValueGate
from nn.loss import linear_cross_entropy
from nn.rotary import RotaryPositionalEmbedding


class TransformerLM(Module):
    """Embedding, blocks, final RMSNorm, LM head.

    >>> model = TransformerLM(ModelConfig(vocab_size=100, d_model=32, num_layers=1, num_heads=2))
    >>> model(torch.tensor([[1, 2, 3]])).shape
    torch.Size([1, 3, 100])
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Build the model.

        Args:
            config: its shape.
            generator: draws the initial weights; torch's global one if not given.
            device: of the parameters; the generator must be for the same device.
            dtype: of the parameters.
        """
        super().__init__()
        self.config = config
        place = torch.get_default_device() if device is None else torch.device(device)
        if generator is not None:
            device = "meta"  # the modules' own initial values, which would be replaced, are not computed
        std = embedding_std(config)
        self.embedding = Embedding(config.vocab_size, config.d_model, std=std, device=device, dtype=dtype)
        if config.embedding_norm:
            self.embedding_norm = self._norm(device, dtype)
        if config.value_embeddings:  # looked up here, not in the blocks, which do not know the ids
            width, std = config.kv_heads * config.d_head, config.d_model**-0.5
            self.value_embeddings = ModuleList(
                Embedding(config.vocab_size, width, std=std, device=device, dtype=dtype)
                for _ in config.value_embedding_layers
            )
        rope = None
        if config.position == "rope":  # one table of angles, shared by all blocks
            rope = RotaryPositionalEmbedding(config.rope_theta, config.d_head, config.context_length, device=place)
        self.blocks = ModuleList(
            TransformerBlock(config, rope, layer=layer, device=device, dtype=dtype)
            for layer in range(config.num_layers)
        )
        if config.norm != "none":
            self.final_norm = self._norm(device, dtype)
        self.lm_head = Linear(
            config.d_model, config.vocab_size, init=head_initializer(config), device=device, dtype=dtype
        )
        if generator is not None:
            self.to_empty(device=place)
        if config.tie_embeddings:
            self.lm_head.weight = self.embedding.weight
        if generator is not None:
            self.reset_parameters(generator)

    def _norm(self, device: torch.device | str | None, dtype: torch.dtype | None) -> RMSNorm:
        config = self.config
        return RMSNorm(config.d_model, config.norm_eps, gains=config.norm_gains, device=device, dtype=dtype)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all parameters again, in the order of the modules."""
        for module in self.modules():
            tied_head = module is self.lm_head and self.config.tie_embeddings
            if isinstance(module, Embedding | Linear | RMSNorm | Mix | ValueGate) and not tied_head:
                module.reset_parameters(generator)

    def hidden_states(
        self,
        token_ids: Int[Tensor, "*b t"],
        token_positions: Int[Tensor, "*#b t"] | None = None,
        *,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "*b t d"]:
        """Return the input of the LM head: the residual stream after the final norm.

        Args:
            token_ids: see `forward`.
            token_positions: see `forward`.
            cache: see `forward`.

        Raises:
            ValueError: see `forward`.
        """
        config = self.config
        if token_ids.ndim == 0 or token_ids.shape[-1] > config.context_length:
            raise ValueError(
                f"token_ids has the shape {tuple(token_ids.shape)}: give [..., t], with at most the model's context of "
                f"{config.context_length} tokens in a sequence"
            )
        x = self.embedding(token_ids)
        if config.embedding_norm:
            x = self.embedding_norm(x)
        if cache is None:
            documents = None if config.separator_token is None else number_documents(token_ids, config.separator_token)
            attend = causal_attention(
                config.attention, token_ids.shape[-1], token_ids.device, window=config.window, documents=documents
            )
            attend_by_layer = [attend] * config.num_layers
        else:
            attend_by_layer = cache.attention(token_ids, token_positions)
        embedding, first_values = x, None
        embedded_values: dict[int, Tensor] = {}
        if config.value_embeddings:
            tables = zip(config.value_embedding_layers, self.value_embeddings, strict=True)
            embedded_values = {layer: table(token_ids) for layer, table in tables}
        for layer, (block, attend) in enumerate(zip(self.blocks, attend_by_layer, strict=True)):
            given = {"attend": attend, "embedding": embedding, "embedded_values": embedded_values.get(layer)}
            if config.value_residual and first_values is None:
                x, first_values = block(x, token_positions, **given, return_values=True)
            else:
                x = block(x, token_positions, **given, first_values=first_values)
        return x if config.norm == "none" else self.final_norm(x)

    def logits(self, hidden: Float[Tensor, "*b d"]) -> Float[Tensor, "*b v"]:
        """Return the logits that follow from hidden states."""
        logits = self.lm_head(hidden)
        return logits if self.config.logit_soft_cap is None else soft_cap(logits, self.config.logit_soft_cap)

    def forward(
        self,
        token_ids: Int[Tensor, "*b t"],
        token_positions: Int[Tensor, "*#b t"] | None = None,
        *,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "*b t v"]:
        """Return the logits of each next token.

        Args:
            token_ids: sequences, with any number of leading dimensions.
            token_positions: the positions that rotary embedding rotates to; 0, 1, 2, … if not given.
            cache: the tokens read so far, to which these are added. Then token_ids and `token_positions` both have the
                shape `[b, t]`, and every token attends to the tokens in the cache at earlier positions.

        Raises:
            ValueError: the sequence is longer than the context, or a cache is given without positions.
        """
        return self.logits(self.hidden_states(token_ids, token_positions, cache=cache))

    def loss(
        self,
        token_ids: Int[Tensor, "*b t"],
        targets: Int[Tensor, "*b t"],
        *,
        chunk_tokens: int | None = None,
        compile_chunks: bool = False,
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the targets, in nats, without storing all logits at once.

        Args:
            token_ids: sequences, with any number of leading dimensions.
            targets: the id that follows each of them.
            chunk_tokens: tokens whose logits are stored at once; `linear_cross_entropy` chooses if not given.
            compile_chunks: see `linear_cross_entropy`.

        Raises:
            ValueError: the sequence is longer than the context.
        """
        return linear_cross_entropy(
            self.hidden_states(token_ids),
            self.lm_head.weight,
            targets,
            soft_cap=self.config.logit_soft_cap,
            chunk_tokens=chunk_tokens,
            compile_chunks=compile_chunks,
        )

    def num_parameters(self, *, embedding: bool = True) -> int:
        """Count the parameters, shared ones once; `embedding=False` does not count the token embedding."""
        total = sum(parameter.numel() for parameter in self.parameters())
        return total if embedding else total - self.embedding.weight.numel()
