"""Writing Hugging Face's Llama folders."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from nn.interchange.conversion import checked_dtype, convert
from nn.interchange.errors import InterchangeError
from nn.interchange.folder_writing import whole_folder
from nn.interchange.llama_config import check_exportable, to_llama_config
from nn.interchange.llama_names import Weight, llama_weights
from nn.interchange.rotary_layout import pairs_to_halves
from nn.interchange.stored_tensors import INDEX_FILE, SINGLE_FILE
from nn.language_model import TransformerLM

_SHARD_BYTES = 5 * 10**9


def save_llama(
    model: TransformerLM,
    path: str | os.PathLike[str],
    *,
    end_token: int | None = None,
    dtype: torch.dtype | None = None,
    max_shard_bytes: int = _SHARD_BYTES,
    overwrite: bool = False,
) -> None:
    """Write a folder that `transformers` loads with `AutoModelForCausalLM.from_pretrained`, completely or not at all.

    Args:
        model: pre-norm, with rotary embedding and SwiGLU.
        path: the folder.
        end_token: the id that separates documents and ends generation.
        dtype: of the tensors; that of the model's embedding if not given.
        max_shard_bytes: a larger model is split into files of about this size. At most this much is copied at a time.
        overwrite: replace a folder of that name if it contains a model.

    Raises:
        InterchangeError: the model is not a Llama (the message names the field), or the path exists already.
        OSError: the folder cannot be written.
    """
    check_exportable(model.config)  # before the folder is created
    with whole_folder(path, overwrite=overwrite) as folder:
        write_llama(model, folder, end_token=end_token, dtype=dtype, max_shard_bytes=max_shard_bytes)


def write_llama(
    model: TransformerLM,
    folder: Path,
    *,
    end_token: int | None = None,
    begin_token: int | None = None,
    dtype: torch.dtype | None = None,
    max_shard_bytes: int = _SHARD_BYTES,
) -> None:
    """Write the files of `save_llama` into an existing folder, to which others, such as a tokenizer, can be added.

    A model that was trained with another token before each text than the one at its end has a `begin_token`.

    Raises:
        InterchangeError: the model is not a Llama (the message names the field).
        OSError: a file cannot be written.
    """
    config = model.config
    check_exportable(config)
    if end_token is not None and not 0 <= end_token < config.vocab_size:
        raise InterchangeError(
            f"end_token is {end_token}, which is not an id: give one from 0 to {config.vocab_size - 1}"
        )
    dtype = checked_dtype(model.embedding.weight.dtype if dtype is None else dtype)
    content = to_llama_config(config, str(dtype).removeprefix("torch."), end_token, begin_token)
    _write_json(folder / "config.json", content)
    ids = {name: content[name] for name in ("bos_token_id", "eos_token_id")}
    _write_json(folder / "generation_config.json", {**ids, "pad_token_id": end_token})
    _write_tensors(model, folder, dtype, max_shard_bytes)


def _write_tensors(model: TransformerLM, folder: Path, dtype: torch.dtype, max_shard_bytes: int) -> None:
    parameters: dict[str, Tensor] = dict(model.named_parameters())
    shards = _split(llama_weights(model.config), parameters, dtype.itemsize, max_shard_bytes)
    weight_map: dict[str, str] = {}
    for number, weights in enumerate(shards, 1):
        name = SINGLE_FILE if len(shards) == 1 else f"model-{number:05}-of-{len(shards):05}.safetensors"
        tensors = {weight.theirs: _converted(parameters[weight.ours], weight, dtype) for weight in weights}
        try:
            save_file(tensors, folder / name, metadata={"format": "pt"})  # transformers requires this entry
        except SafetensorError as error:
            raise OSError(f"{name} cannot be written: {error}") from None
        weight_map |= dict.fromkeys(tensors, name)
    if len(shards) > 1:
        total = sum(parameters[weight.ours].numel() for weights in shards for weight in weights) * dtype.itemsize
        _write_json(folder / INDEX_FILE, {"metadata": {"total_size": total}, "weight_map": weight_map})


def _split(
    weights: list[Weight], parameters: dict[str, Tensor], itemsize: int, max_shard_bytes: int
) -> list[list[Weight]]:
    """Split the list of tensors so that each part is within the limit or a single tensor."""
    shards: list[list[Weight]] = [[]]
    filled = 0
    for weight in weights:
        size = parameters[weight.ours].numel() * itemsize
        if shards[-1] and filled + size > max_shard_bytes:
            shards.append([])
            filled = 0
        shards[-1].append(weight)
        filled += size
    return shards


def _converted(parameter: Tensor, weight: Weight, dtype: torch.dtype) -> Tensor:
    tensor = convert(parameter.detach(), dtype, weight.ours).cpu()
    return (tensor if weight.rotary_heads is None else pairs_to_halves(tensor, weight.rotary_heads)).contiguous()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
