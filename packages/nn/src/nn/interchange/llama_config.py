"""`config.json` of Hugging Face's Llama, from and to `ModelConfig`.

The names are those of `transformers.LlamaConfig`. Its version 5 keeps the base of the rotary frequencies in
`rope_parameters`, version 4 in `rope_theta` (and scaling in `rope_scaling`). Both are written, and either is read.
"""

from pathlib import Path
from typing import Any

from nn.config import AttentionBackend, ModelConfig
from nn.interchange.errors import InterchangeError

_ROPE_FIELDS = {"rope_type", "type", "rope_theta", "partial_rotary_factor"}


def check_exportable(config: ModelConfig) -> None:
    """Check that Llama's equations describe a model.

    Raises:
        InterchangeError: an option is on that Llama does not have; the message names its field.
    """
    needs = {"norm": "pre", "position": "rope", "ffn": "swiglu", "norm_gains": True, "qk_scale": 1.0}
    for field, needed in needs.items():
        if getattr(config, field) != needed:
            raise InterchangeError(
                f"model.{field} is {getattr(config, field)!r}, which Llama does not support: only a model trained with "
                f"{needed!r} can be exported"
            )
    for field in ("qk_norm", "value_residual", "value_embeddings", "embedding_shortcut", "embedding_norm"):
        if getattr(config, field):
            raise InterchangeError(
                f"model.{field} is on, which Llama does not support: only a model trained without it can be exported"
            )
    if config.logit_soft_cap is not None:
        raise InterchangeError(
            f"model.logit_soft_cap is {config.logit_soft_cap}, which Llama does not support: without it probabilities "
            "differ. Set it to null if that is acceptable (the most probable token stays the same)"
        )
    if config.window is not None and config.window < config.context_length:
        raise InterchangeError(
            f"model.window is {config.window}, but Llama attends to its whole context of {config.context_length}: only "
            "a model trained without a window can be exported"
        )
    if config.separator_token is not None:
        raise InterchangeError(
            f"model.separator_token is {config.separator_token}, but Llama's attention crosses documents: set it to "
            "null if every text that the exported model reads is a single document"
        )


def to_llama_config(
    config: ModelConfig, dtype_name: str, end_token: int | None = None, begin_token: int | None = None
) -> dict[str, Any]:
    """Return the content of `config.json`.

    Args:
        config: of a model that `check_exportable` accepts.
        dtype_name: dtype of the tensors, such as float32.
        end_token: the id that ends a text, `eos_token_id`.
        begin_token: the id that begins a text, `bos_token_id`; `end_token` if not given, which separates documents.
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
        # Always written: the defaults of LlamaConfig are ids of Llama's own tokenizer.
        "bos_token_id": end_token if begin_token is None else begin_token,
        "eos_token_id": end_token,
        "dtype": dtype_name,
        "torch_dtype": dtype_name,  # its name before version 4.56
    }


def from_llama_config(content: dict[str, Any], path: Path, *, attention: AttentionBackend = "auto") -> ModelConfig:
    """Return the configuration that a `config.json` describes.

    Missing fields have the defaults of `LlamaConfig`, but sizes are required.

    Args:
        content: of the file.
        path: of the file, for error messages.
        attention: the back end that computes it.

    Raises:
        InterchangeError: it is another kind of model, or has an option that `TransformerLM` does not support exactly.
    """
    _check_kind(content, path)
    d_model, num_heads = (_integer(content, name, path) for name in ("hidden_size", "num_attention_heads"))
    head_dim = _integer(content, "head_dim", path, None)
    if head_dim is not None and head_dim * num_heads != d_model:
        raise InterchangeError(
            f"{path}: head_dim is {head_dim}, but here it must be hidden_size / num_attention_heads = "
            f"{d_model} / {num_heads}: such a model cannot be imported"
        )
    tied = content.get("tie_word_embeddings")
    try:
        return ModelConfig(
            vocab_size=_integer(content, "vocab_size", path),
            context_length=_integer(content, "max_position_embeddings", path, 2048),
            d_model=d_model,
            num_layers=_integer(content, "num_hidden_layers", path),
            num_heads=num_heads,
            num_kv_heads=_integer(content, "num_key_value_heads", path, num_heads),
            d_ff=_integer(content, "intermediate_size", path),
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
    """Check that it is a Llama without parts that `TransformerLM` does not have."""
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
                f"{path}: {name} is {found!r}, but only models with {value!r} can be imported: choose another model"
            )
    if content.get("model_type") is None:
        raise InterchangeError(f"{path} has no model_type, so it is not a model of transformers: choose another folder")


def _rope_theta(content: dict[str, Any], path: Path) -> float:
    """Return the base of the rotary frequencies from either spelling; check that nothing else changes them."""
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
                f"{path}: {name} has rope_type = {kind!r}, but scaled rotary frequencies are not supported: choose "
                "a model with 'default'"
            )
        if unknown := sorted(key for key in parameters.keys() - _ROPE_FIELDS if parameters[key] is not None):
            raise InterchangeError(f"{path}: {name} has {unknown[0]!r}, which is not supported: choose another model")
        if parameters.get("rope_theta") is not None:
            found[f"{name}.rope_theta"] = _number(parameters, "rope_theta", path)
        if parameters.get("partial_rotary_factor") not in (None, 1):
            raise InterchangeError(
                f"{path}: {name} has partial_rotary_factor = {parameters['partial_rotary_factor']!r}, but only 1.0, "
                "the rotation of whole heads, is supported: choose another model"
            )
    if len(set(found.values())) > 1:
        said = " and ".join(f"{name} = {value}" for name, value in found.items())
        raise InterchangeError(f"{path} has both {said}: remove the wrong one")
    return next(iter(found.values()), 10_000.0)


_REQUIRED: Any = object()


def _integer(content: dict[str, Any], name: str, path: Path, default: Any = _REQUIRED) -> Any:
    value = content.get(name)
    if value is None and default is not _REQUIRED:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InterchangeError(f"{path}: {name} is {value!r}, but it must be an integer of at least 1: correct it")
    return value


def _number(content: dict[str, Any], name: str, path: Path, default: Any = _REQUIRED) -> float:
    value = content.get(name)
    if value is None and default is not _REQUIRED:
        return float(default)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InterchangeError(f"{path}: {name} is {value!r}, but it must be a number: correct it")
    return float(value)
