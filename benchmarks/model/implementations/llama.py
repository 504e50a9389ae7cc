"""The model of `transformers`: `LlamaForCausalLM`."""

import importlib
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import Parameter

from benchmarks.model.implementations.torch_step import Step, torch_step
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape
from benchmarks.model.weights import draw_weights

transformers: Any = importlib.import_module("transformers")  # so that types can be checked without it

ROTARY_HALVES = True
"""It rotates entry p of a head with entry p + d_head/2."""
_NAMES = {
    "embedding.weight": "model.embed_tokens.weight",
    "final_norm.weight": "model.norm.weight",
    "lm_head.weight": "lm_head.weight",
}
_NAMES_IN_BLOCK = {
    "attention_norm": "input_layernorm",
    "attention.q_proj": "self_attn.q_proj",
    "attention.k_proj": "self_attn.k_proj",
    "attention.v_proj": "self_attn.v_proj",
    "attention.output_proj": "self_attn.o_proj",
    "feedforward_norm": "post_attention_layernorm",
    "feedforward.w1": "mlp.gate_proj",
    "feedforward.w2": "mlp.down_proj",
    "feedforward.w3": "mlp.up_proj",
}


def build(shape: Shape, setup: Setup, *, same_weights: bool = True) -> Any:
    """Build the model, with the weights that all models start from or with its own."""
    config = transformers.LlamaConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.d_model,
        intermediate_size=shape.d_ff,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_heads,
        max_position_embeddings=shape.context_length,
        rms_norm_eps=shape.norm_eps,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        tie_word_embeddings=shape.tied,
        attn_implementation="sdpa",
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    model = transformers.LlamaForCausalLM(config)
    theirs = model.state_dict()
    for name, weight in draw_weights(shape, rotary_halves=ROTARY_HALVES) if same_weights else ():
        theirs[_their_name(name)].copy_(weight)
    return model.to(setup.device)


def logits(model: Any, ids: Tensor) -> Tensor:
    """Return the logits after each id."""
    return model(input_ids=ids, use_cache=False).logits


def loss(model: Any, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy; `shift_labels` are targets that are shifted already, so that all are used."""
    return model(input_ids=inputs, labels=targets, shift_labels=targets, use_cache=False).loss


def parameters(model: Any) -> Mapping[str, Parameter]:
    """Return the parameters by our names."""
    ours = {theirs: ours for ours, theirs in _NAMES.items()}
    in_block = {theirs: ours for ours, theirs in _NAMES_IN_BLOCK.items()}
    named = {}
    for name, parameter in model.named_parameters():
        if name not in ours:
            index, rest = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
            ours[name] = f"blocks.{index}.{in_block[rest]}.weight"
        named[ours[name]] = parameter
    return named


def _their_name(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    _, index, rest = name.split(".", 2)
    return f"model.layers.{index}.{_NAMES_IN_BLOCK[rest.removesuffix('.weight')]}.weight"


def training_step(shape: Shape, setup: Setup, *, same_weights: bool = True) -> Step:
    """Return the function that trains the model for one step; for `same_weights` see `build`."""
    model = build(shape, setup, same_weights=same_weights).train()
    call = setup.maybe_compile(model, fullgraph=False)
    return torch_step(model, lambda inputs, targets: loss(call, inputs, targets), setup)
