"""`config.json` of Hugging Face's Llama, from and to `ModelConfig`.

The names are those of `transformers.LlamaConfig`. Its version 5 keeps the base of the rotary frequencies in
`rope_parameters`, version 4 in `rope_theta` (and scaling in `rope_scaling`): both are written, and either is read.
"""

from pathlib import Path
from typing import Any

from nn.config import AttentionBackend, ModelConfig
from nn.interchange.errors import InterchangeError

_ROPE_FIELDS = {"rope_type", "type", "rope_theta", "partial_rotary_factor"}


def check_exportable(config: ModelConfig) -> None:
    """Refuse a model that Llama's equations do not describe.

    Raises:
        InterchangeError: a switch is on that Llama has not; its field is named.
    """
    for field, needed in {"norm": "pre", "position": "rope", "ffn": "swiglu"}.items():
        if getattr(config, field) != needed:
            raise InterchangeError(
                f"model.{field} is {getattr(config, field)!r}, which Llama has not: only a model that was trained "
                f"with {needed!r} can be exported"
            )
    for field in ("qk_norm", "value_residual", "embedding_shortcut", "embedding_norm"):
        if getattr(config, field):
            raise InterchangeError(
                f"model.{field} is on, which Llama has not: only a model that was trained without it can be exported"
            )
    if config.logit_soft_cap is not None:
        raise InterchangeError(
            f"model.logit_soft_cap is {config.logit_soft_cap}, which Llama has not: it would give other probabilities; "
            "set it to null if you can accept that (the likeliest token stays the same)"
        )
    if config.window is not None and config.window < config.context_length:
        raise InterchangeError(
            f"model.window is {config.window}, but Llama sees its whole context of {config.context_length}: only a "
            "model that was trained without a window can be exported"
        )
    if config.separator_token is not None:
        raise InterchangeError(
            f"model.separator_token is {config.separator_token}, but Llama's attention crosses documents: set it to "
            "null if every text that the exported model will see is a single document"
        )


def to_llama_config(config: ModelConfig, dtype_name: str, end_token: int | None = None) -> dict[str, Any]:
    """Return the content of `config.json`.

    Args:
        config: a model that `check_exportable` lets pass.
        dtype_name: of the tensors beside it, such as float32.
        end_token: the id that separates documents: it begins one and ends one.
    """
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "hidden_size": config.d_model,
        "intermediate_size": config.feedforward_width,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.d_head,
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": config.tie_embeddings,
        # Not to be left out: the defaults of LlamaConfig are ids of Llama's own tokenizer.
        "bos_token_id": end_token,
        "eos_token_id": end_token,
        "dtype": dtype_name,
        "torch_dtype": dtype_name,  # its name before version 4.56
    }


def from_llama_config(content: dict[str, Any], path: Path, *, attention: AttentionBackend = "einx") -> ModelConfig:
    """Return the model that a `config.json` describes.

    Fields that are missing have the defaults of `LlamaConfig`, but sizes must be there.

    Args:
        content: of the file.
        path: of the file, for errors.
        attention: who computes it.

    Raises:
        InterchangeError: it is another kind of model, or asks for what `TransformerLM` cannot do exactly.
    """
    _check_kind(content, path)
    d_model, num_heads = (_whole_number(content, name, path) for name in ("hidden_size", "num_attention_heads"))
    head_dim = _whole_number(content, "head_dim", path, None)
    if head_dim is not None and head_dim * num_heads != d_model:
        raise InterchangeError(
            f"{path}: head_dim is {head_dim}, but here it must be hidden_size / num_attention_heads = "
            f"{d_model} / {num_heads}: such a model cannot be imported"
        )
    tied = content.get("tie_word_embeddings")
    try:
        return ModelConfig(
            vocab_size=_whole_number(content, "vocab_size", path),
            context_length=_whole_number(content, "max_position_embeddings", path, 2048),
            d_model=d_model,
            num_layers=_whole_number(content, "num_hidden_layers", path),
            num_heads=num_heads,
            num_kv_heads=_whole_number(content, "num_key_value_heads", path, num_heads),
            d_ff=_whole_number(content, "intermediate_size", path),
            rope_theta=_rope_theta(content, path),
            norm_eps=_number(content, "rms_norm_eps", path, 1e-6),
            tie_embeddings=False if tied is None else tied,
            attention=attention,
        )
    except InterchangeError:
        raise
    except ValueError as error:
        raise InterchangeError(f"{path}: {error}") from None


def _check_kind(content: dict[str, Any], path: Path) -> None:
    """Refuse other architectures, and parts that ours has not."""
    needed = {
        "model_type": ("llama", None),
        "architectures": (["LlamaForCausalLM"], "LlamaForCausalLM"),
        "hidden_act": ("silu", "silu"),
        "attention_bias": (False, False),
        "mlp_bias": (False, False),
        "quantization_config": (None, None),
    }
    for name, (value, default) in needed.items():
        found = content.get(name, default)
        if found is not None and found not in (value, default):
            raise InterchangeError(
                f"{path}: {name} is {found!r}, but only models with {value!r} can be imported: take another model"
            )
    if content.get("model_type") is None:
        raise InterchangeError(f"{path} names no model_type, so it is no model of transformers: take another folder")


def _rope_theta(content: dict[str, Any], path: Path) -> float:
    """Find the base of the rotary frequencies in either spelling, and refuse whatever changes the frequencies."""
    found: dict[str, float] = {}
    if content.get("rope_theta") is not None:
        found["rope_theta"] = _number(content, "rope_theta", path)
    for name in ("rope_parameters", "rope_scaling"):
        parameters = content.get(name) or {}
        if not isinstance(parameters, dict):
            raise InterchangeError(f"{path}: {name} is {parameters!r}: it must be an object or null")
        kind = parameters.get("rope_type", parameters.get("type", "default"))
        if kind != "default":
            raise InterchangeError(
                f"{path}: {name} has rope_type = {kind!r}, but scaled rotary frequencies are not supported: take a "
                "model with 'default'"
            )
        if unknown := sorted(key for key in parameters.keys() - _ROPE_FIELDS if parameters[key] is not None):
            raise InterchangeError(f"{path}: {name} has {unknown[0]!r}, which is not supported: take another model")
        if parameters.get("rope_theta") is not None:
            found[f"{name}.rope_theta"] = _number(parameters, "rope_theta", path)
        if parameters.get("partial_rotary_factor") not in (None, 1):
            raise InterchangeError(
                f"{path}: {name} has partial_rotary_factor = {parameters['partial_rotary_factor']!r}, but here a head "
                "is rotated as a whole (1.0): take another model"
            )
    if len(set(found.values())) > 1:
        said = " and ".join(f"{name} = {value}" for name, value in found.items())
        raise InterchangeError(f"{path} says both {said}: remove the one that is wrong")
    return next(iter(found.values()), 10_000.0)


_REQUIRED: Any = object()


def _whole_number(content: dict[str, Any], name: str, path: Path, default: Any = _REQUIRED) -> Any:
    value = content.get(name)
    if value is None and default is not _REQUIRED:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InterchangeError(f"{path}: {name} is {value!r}, but it must be a whole number of at least 1: mend it")
    return value


def _number(content: dict[str, Any], name: str, path: Path, default: Any = _REQUIRED) -> float:
    value = content.get(name)
    if value is None and default is not _REQUIRED:
        return float(default)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InterchangeError(f"{path}: {name} is {value!r}, but it must be a number: mend it")
    return float(value)
