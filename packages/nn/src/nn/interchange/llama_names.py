"""The names of our parameters and of the tensors of Hugging Face's Llama."""

from dataclasses import dataclass

from nn.config import ModelConfig

EMBEDDING = "model.embed_tokens.weight"
LM_HEAD = "lm_head.weight"

_BLOCK_NAMES = {
    "attention_norm": "input_layernorm",
    "attention.q_proj": "self_attn.q_proj",
    "attention.k_proj": "self_attn.k_proj",
    "attention.v_proj": "self_attn.v_proj",
    "attention.output_proj": "self_attn.o_proj",
    "feedforward_norm": "post_attention_layernorm",
    "feedforward.w1": "mlp.gate_proj",
    "feedforward.w3": "mlp.up_proj",
    "feedforward.w2": "mlp.down_proj",
}


@dataclass(frozen=True)
class Weight:
    """One tensor, of the same shape on both sides."""

    ours: str
    """Its name in our state_dict."""
    theirs: str
    """Its name in their files."""
    rotary_heads: int | None = None
    """Number of heads whose rows are in another order there; None: the tensors are equal."""


def llama_weights(config: ModelConfig) -> list[Weight]:
    """Return all tensors of a model; a tied LM head is not one of them."""
    rotary_heads = {"attention.q_proj": config.num_heads, "attention.k_proj": config.kv_heads}
    weights = [Weight("embedding.weight", EMBEDDING)]
    for layer in range(config.num_layers):
        weights += [
            Weight(f"blocks.{layer}.{ours}.weight", f"model.layers.{layer}.{theirs}.weight", rotary_heads.get(ours))
            for ours, theirs in _BLOCK_NAMES.items()
        ]
    weights.append(Weight("final_norm.weight", "model.norm.weight"))
    return weights if config.tie_embeddings else [*weights, Weight("lm_head.weight", LM_HEAD)]
