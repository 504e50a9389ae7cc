"""Reading Hugging Face's Llama folders."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from nn.config import AttentionBackend, ModelConfig
from nn.interchange.conversion import checked_dtype, convert, empty_model, shorten_context
from nn.interchange.errors import InterchangeError
from nn.interchange.llama_config import from_llama_config
from nn.interchange.llama_names import EMBEDDING, LM_HEAD, Weight, llama_weights
from nn.interchange.rotary_layout import halves_to_pairs
from nn.interchange.stored_tensors import StoredTensor, open_tensors, read_json_object
from nn.language_model import TransformerLM

# Old folders contain these tables too, which follow from the configuration.
_FREQUENCIES = re.compile(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq")
_FLOATS = {"F32", "BF16", "F16"}


def load_llama(
    path: str | os.PathLike[str],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
    context_length: int | None = None,
    attention: AttentionBackend = "auto",
) -> TransformerLM:
    """Load a Llama model from a folder written by `transformers`' `save_pretrained`.

    All names, shapes and dtypes are checked before memory is allocated: that of the model, and one tensor at a time.

    Args:
        path: a folder with `config.json` and `model.safetensors`, or with several such files and their index.
        dtype: of the model; the files may have another one.
        device: of the model.
        context_length: a shorter context than the model's, which needs less memory.
        attention: the back end that computes attention.

    Raises:
        InterchangeError: a file is missing or damaged, or `TransformerLM` does not support the model exactly; the
            message names the field or the tensor.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InterchangeError(f"{folder} is not a folder: give one that contains config.json and model.safetensors")
    config_file = folder / "config.json"
    config = from_llama_config(read_json_object(config_file), config_file, attention=attention)
    config = shorten_context(config, context_length)
    checked_dtype(dtype)
    with open_tensors(folder) as stored:
        if config.num_layers > len(stored):  # before a list of their names is made
            raise InterchangeError(
                f"{folder} has {len(stored)} tensors, too few for num_hidden_layers = {config.num_layers}: "
                "download the whole model"
            )
        weights = llama_weights(config)
        _check_tensors(stored, weights, config, folder)
        model = empty_model(config, device=device, dtype=dtype)
        parameters = dict(model.named_parameters())
        with torch.no_grad():
            for weight in weights:
                parameters[weight.ours].copy_(convert(_read(stored, weight), dtype, weight.theirs))
    return model


def _read(stored: Mapping[str, StoredTensor], weight: Weight) -> Tensor:
    tensor = stored[weight.theirs].read()
    return tensor if weight.rotary_heads is None else halves_to_pairs(tensor, weight.rotary_heads)


def _check_tensors(
    stored: Mapping[str, StoredTensor], weights: list[Weight], config: ModelConfig, folder: Path
) -> None:
    """Check that no tensor is missing, unexpected, of another shape or not in floating point."""
    shapes = {
        name: tuple(parameter.shape) for name, parameter in TransformerLM(config, device="meta").named_parameters()
    }
    missing = [weight for weight in weights if weight.theirs not in stored]
    if missing:
        listed = ", ".join(f"{weight.theirs} {list(shapes[weight.ours])}" for weight in missing[:3])
        raise InterchangeError(
            f"{folder} has {len(missing)} of {len(weights)} tensors missing: {listed}{' …' if missing[3:] else ''}; "
            "download the whole model"
        )
    extra = sorted(
        name for name in stored.keys() - {weight.theirs for weight in weights} if not _is_known(name, config)
    )
    if extra:
        listed = ", ".join(f"{name} {list(stored[name].shape)}" for name in extra[:3])
        raise InterchangeError(
            f"{folder} has {len(extra)} unexpected tensors, by its config.json: {listed}"
            f"{' …' if extra[3:] else ''}; this is another model than config.json describes"
        )
    for weight in weights:
        tensor = stored[weight.theirs]
        if tensor.shape != shapes[weight.ours]:
            raise InterchangeError(
                f"{folder}: {weight.theirs} has the shape {list(tensor.shape)}, but by config.json it is "
                f"{list(shapes[weight.ours])}: the two belong to different models"
            )
        if tensor.dtype not in _FLOATS:
            raise InterchangeError(
                f"{folder}: {weight.theirs} is {tensor.dtype}, but only {', '.join(sorted(_FLOATS))} can be imported: "
                "choose a model that is not quantized"
            )
    if config.tie_embeddings and LM_HEAD in stored and not stored[LM_HEAD].read().equal(stored[EMBEDDING].read()):
        raise InterchangeError(
            f"{folder}: tie_word_embeddings is true, but {LM_HEAD} is not {EMBEDDING}: set it to false in config.json"
        )


def _is_known(name: str, config: ModelConfig) -> bool:
    """Return whether a tensor may be present although it is not needed."""
    return _FREQUENCIES.fullmatch(name) is not None or (config.tie_embeddings and name == LM_HEAD)
