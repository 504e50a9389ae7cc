"""The whole model: ids in, logits out."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module, ModuleList

from nn.attention_backends import Mask, sequence_mask, usable_backend
from nn.block import TransformerBlock
from nn.config import ModelConfig
from nn.embedding import Embedding
from nn.forward_state import ForwardState
from nn.functional import soft_cap
from nn.initialization import tied_embedding_std
from nn.kv_cache import KVCache
from nn.linear import Linear
from nn.loss import linear_cross_entropy
from nn.masking import number_documents
from nn.mixing import Mix
from nn.normalization import RMSNorm, make_norm
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
            generator: where the initial weights are drawn from; torch's global one if not given.
            device: where the parameters are; the generator must be for the same device.
            dtype: of the parameters.
        """
        super().__init__()
        self.config = config
        # One table of angles serves all layers.
        rope = None
        if config.position == "rope":
            rope = RotaryPositionalEmbedding(config.rope_theta, config.d_head, config.context_length, device=device)
        std = tied_embedding_std(config.d_model) if config.tie_embeddings else 1.0
        self.embedding = Embedding(config.vocab_size, config.d_model, std=std, device=device, dtype=dtype)
        if config.embedding_norm:
            self.embedding_norm = RMSNorm(config.d_model, config.norm_eps, device=device, dtype=dtype)
        self.blocks = ModuleList(
            TransformerBlock(config, rope, layer=layer, device=device, dtype=dtype)
            for layer in range(config.num_layers)
        )
        self.final_norm = make_norm(config, device=device, dtype=dtype)
        self.lm_head = Linear(config.d_model, config.vocab_size, device=device, dtype=dtype)
        if config.tie_embeddings:
            self.lm_head.weight = self.embedding.weight
        if generator is not None:
            self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all parameters anew, in the order of the modules."""
        for module in self.modules():
            tied_head = module is self.lm_head and self.config.tie_embeddings
            if isinstance(module, Embedding | Linear | RMSNorm | Mix) and not tied_head:
                module.reset_parameters(generator)

    def hidden_states(
        self,
        token_ids: Int[Tensor, "b t"],
        token_positions: Int[Tensor, "*#b t"] | None = None,
        *,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "b t d"]:
        """Return what the LM head reads: the residual stream after the final norm.

        Args:
            token_ids: one sequence a row.
            token_positions: see `forward`.
            cache: see `forward`.

        Raises:
            ValueError: the sequence is longer than the context.
        """
        if token_ids.shape[1] > self.config.context_length:
            raise ValueError(
                f"a sequence of {token_ids.shape[1]} tokens does not fit "
                f"the model's context of {self.config.context_length}: shorten it"
            )
        x = self.embedding(token_ids)
        if self.config.embedding_norm:
            x = self.embedding_norm(x)
        state = ForwardState(token_positions, self._mask(token_ids, token_positions, cache), cache, embedding=x)
        for block in self.blocks:
            x = block(x, state)
        return self.final_norm(x)

    def logits(self, hidden: Float[Tensor, "*b d"]) -> Float[Tensor, "*b vocab"]:
        """Return the logits that follow from hidden states."""
        logits = self.lm_head(hidden)
        return logits if self.config.logit_soft_cap is None else soft_cap(logits, self.config.logit_soft_cap)

    def forward(
        self,
        token_ids: Int[Tensor, "b t"],
        token_positions: Int[Tensor, "*#b t"] | None = None,
        *,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "b t vocab"]:
        """Return the logits of each next token.

        Args:
            token_ids: one sequence a row.
            token_positions: what rotary embedding turns by; 0, 1, 2, … if not given.
            cache: the tokens read so far, to which these are added; then `token_positions`, of shape `[b, t]`, say
                where they stand, and every token sees what is in the cache before it.

        Raises:
            ValueError: the sequence is longer than the context, or a cache comes without positions.
        """
        return self.logits(self.hidden_states(token_ids, token_positions, cache=cache))

    def loss(
        self, token_ids: Int[Tensor, "b t"], targets: Int[Tensor, "b t"], *, chunk_tokens: int | None = None
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the targets, in nats, without ever holding all logits.

        Args:
            token_ids: one sequence a row.
            targets: the id that follows each of them.
            chunk_tokens: tokens whose logits are held at once; `linear_cross_entropy` chooses if not given.

        Raises:
            ValueError: the sequence is longer than the context.
        """
        hidden = self.hidden_states(token_ids)
        return linear_cross_entropy(
            hidden, self.lm_head.weight, targets, soft_cap=self.config.logit_soft_cap, chunk_tokens=chunk_tokens
        )

    def _mask(self, token_ids: Tensor, token_positions: Tensor | None, cache: KVCache | None) -> Mask:
        """Return who may see whom, the same in all blocks."""
        if cache is not None:
            if token_positions is None or token_positions.shape != token_ids.shape:
                raise ValueError("a cache needs token_positions of the shape of token_ids: say where the tokens stand")
            return cache.mask(token_ids, token_positions)
        config = self.config
        documents = None
        if config.separator_token is not None:
            documents = number_documents(token_ids, config.separator_token)
        backend = usable_backend(config.attention, token_ids.device)
        return sequence_mask(backend, token_ids.shape[1], token_ids.device, window=config.window, documents=documents)

    def num_parameters(self, *, embedding: bool = True) -> int:
        """Count the parameters, shared ones once; `embedding=False` leaves the token table out."""
        total = sum(parameter.numel() for parameter in self.parameters())
        return total if embedding else total - self.embedding.weight.numel()
