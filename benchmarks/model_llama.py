"""The peer of `transformers`: LlamaForCausalLM."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from model_setup import Setup
from model_shapes import Shape
from model_torch_step import Step, torch_step

transformers: Any = importlib.import_module("transformers")  # so that types can be checked where it is not installed

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


def build(shape: Shape, setup: Setup) -> Any:
    """Make the model with the weights that all start from."""
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
    for name, weight in shape.weights(rotary_halves=ROTARY_HALVES):
        theirs[_their_name(name)].copy_(weight)
    return model.to(setup.device)


def logits(model: Any, ids: Tensor) -> Tensor:
    """Return the logits after each id."""
    return model(input_ids=ids, use_cache=False).logits


def loss(model: Any, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy; `shift_labels` are targets that have been shifted already, so that all count."""
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


def training_step(shape: Shape, setup: Setup) -> Step:
    """Return the step: ids and targets in, loss and gradient norm out."""
    model = build(shape, setup).train()
    call = setup.maybe_compile(model, fullgraph=False)
    return torch_step(model, lambda inputs, targets: loss(call, inputs, targets), setup)


class _Streamer:
    """What `generate` tells of each id when it is there; the first call brings the prompt."""

    def __init__(self, on_token: Callable[[], None]) -> None:
        self.on_token, self.prompt_seen = on_token, False

    def put(self, _value: Tensor) -> None:
        if self.prompt_seen:
            self.on_token()
        self.prompt_seen = True

    def end(self) -> None:
        pass


class Generator:
    """Greedy decoding by the library's own `generate`, with its dynamic cache, or a static one where it compiles."""

    def __init__(self, shape: Shape, setup: Setup, prompt: list[int], new: int, dtype: torch.dtype) -> None:
        """Make the model; `new` ids are to follow the prompt."""
        self.model = build(shape, setup).to(dtype).eval()
        self.prompt = torch.tensor([prompt], device=setup.device)
        generation = transformers.generation
        self.config = generation.GenerationConfig(max_new_tokens=new, do_sample=False, use_cache=True, pad_token_id=0)
        self.config.disable_compile = not setup.compiled
        if setup.compiled:
            self.config.cache_implementation = "static"
            mode = None if setup.device == "cpu" else "reduce-overhead"
            self.config.compile_config = generation.CompileConfig(mode=mode, fullgraph=False)
            self.config.compile_config._compile_all_devices = True  # it compiles for a GPU alone if not told

    @torch.no_grad()
    def run(self, on_token: Callable[[], None]) -> list[int]:
        """Continue the prompt; `on_token` is called as soon as each id is known."""
        ids = self.model.generate(
            input_ids=self.prompt,
            attention_mask=torch.ones_like(self.prompt),
            generation_config=self.config,
            streamer=_Streamer(on_token),
        )
        continued: list[int] = ids[0, self.prompt.shape[1] :].tolist()
        return continued
