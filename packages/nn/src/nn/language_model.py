"""The whole model: ids in, logits out."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module, ModuleList

from nn.block import TransformerBlock
from nn.config import ModelConfig
from nn.embedding import Embedding
from nn.initialization import tied_embedding_std
from nn.linear import Linear
from nn.normalization import Identity, RMSNorm
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
        self.blocks = ModuleList(
            TransformerBlock(config, rope, device=device, dtype=dtype) for _ in range(config.num_layers)
        )
        self.final_norm = (
            Identity()
            if config.norm == "none"
            else RMSNorm(config.d_model, config.norm_eps, device=device, dtype=dtype)
        )
        self.lm_head = Linear(config.d_model, config.vocab_size, device=device, dtype=dtype)
        if config.tie_embeddings:
            self.lm_head.weight = self.embedding.weight
        if generator is not None:
            self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all parameters anew, in the order of the modules."""
        for module in self.modules():
            tied_head = module is self.lm_head and self.config.tie_embeddings
            if isinstance(module, Embedding | Linear | RMSNorm) and not tied_head:
                module.reset_parameters(generator)

    def hidden_states(
        self, token_ids: Int[Tensor, "b t"], token_positions: Int[Tensor, "*#b t"] | None = None
    ) -> Float[Tensor, "b t d"]:
        """Return what the LM head reads: the residual stream after the final norm.

        Raises:
            ValueError: the sequence is longer than the context.
        """
        if token_ids.shape[1] > self.config.context_length:
            raise ValueError(
                f"a sequence of {token_ids.shape[1]} tokens does not fit "
                f"the model's context of {self.config.context_length}: shorten it"
            )
        x = self.embedding(token_ids)
        for block in self.blocks:
            x = block(x, token_positions)
        return self.final_norm(x)

    def forward(
        self, token_ids: Int[Tensor, "b t"], token_positions: Int[Tensor, "*#b t"] | None = None
    ) -> Float[Tensor, "b t vocab"]:
        """Return the logits of each next token.

        Args:
            token_ids: one sequence a row.
            token_positions: what rotary embedding turns by; 0, 1, 2, … if not given.

        Raises:
            ValueError: the sequence is longer than the context.
        """
        return self.lm_head(self.hidden_states(token_ids, token_positions))

    def num_parameters(self, *, embedding: bool = True) -> int:
        """Count the parameters, shared ones once; `embedding=False` leaves the token table out."""
        total = sum(parameter.numel() for parameter in self.parameters())
        return total if embedding else total - self.embedding.weight.numel()
