"""Reading llama2.c's checkpoints: its first format, version 0 of its `export.py` (github.com/karpathy/llama2.c).

    7 × int32      dim, hidden_dim, n_layers, n_heads, n_kv_heads, ±vocab_size, seq_len
    float32 …      embedding, then each kind of weight for all layers, then the last norm
                   cos and sin of the rotary angles, which `run.c` skips too
                   the LM head, if vocab_size is negative; otherwise it is the embedding

All little-endian. Rows of queries and keys are in neighbouring pairs, like ours. The base of the rotary frequencies
and eps of the norms are constants of `run.c`.
"""

import os
import struct
from collections.abc import Iterator
from io import BufferedReader
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from nn.config import AttentionBackend, ModelConfig
from nn.interchange.conversion import checked_dtype, convert, empty_model, shorten_context
from nn.interchange.errors import InterchangeError
from nn.language_model import TransformerLM

_HEADER = struct.Struct("<7i")
_LATER_MAGIC = 0x616B3432  # "ak42", before the header of versions 1 and 2
_ROPE_THETA, _NORM_EPS = 10_000.0, 1e-5


def load_llama2c(
    path: str | os.PathLike[str],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
    context_length: int | None = None,
    attention: AttentionBackend = "auto",
) -> TransformerLM:
    """Load a checkpoint of llama2.c, such as `stories15M.bin`.

    Args:
        path: the file.
        dtype: of the model; that of the file is float32.
        device: of the model.
        context_length: a shorter context than the model's, which needs less memory.
        attention: the back end that computes attention.

    Raises:
        InterchangeError: the file is damaged or in another format.
        OSError: the file cannot be read.
    """
    path = Path(path)
    checked_dtype(dtype)
    with path.open("rb") as file:
        config = _read_config(file, path, attention)
        size, expected = path.stat().st_size, _file_size(config)
        if size != expected:
            raise InterchangeError(
                f"{path} has {size:,} bytes, but by its header it must have {expected:,}: it is "
                + ("truncated, so download it again" if size < expected else "not a checkpoint of llama2.c's version 0")
            )
        shortened = shorten_context(config, context_length)
        model = empty_model(shortened, device=device, dtype=dtype)
        parameters = dict(model.named_parameters())
        with torch.no_grad():
            for names, shape in _layout(config):
                if not names:
                    file.seek(4 * prod(shape), os.SEEK_CUR)
                for name in names:
                    parameters[name].copy_(convert(_read_tensor(file, shape, path), dtype, name))
    return model


def _read_config(file: BufferedReader, path: Path, attention: AttentionBackend) -> ModelConfig:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise InterchangeError(
            f"{path} has {len(header)} bytes, but the header takes {_HEADER.size}: it is truncated, so download it "
            "again"
        )
    d_model, d_ff, num_layers, num_heads, num_kv_heads, vocab_size, context_length = _HEADER.unpack(header)
    if d_model == _LATER_MAGIC:
        raise InterchangeError(
            f"{path} has version {d_ff} of llama2.c's format, but only version 0 is read: export it with --version 0"
        )
    try:
        return ModelConfig(
            vocab_size=abs(vocab_size),
            context_length=context_length,
            d_model=d_model,
            num_layers=num_layers,
            num_heads=num_heads,
            num_kv_heads=num_kv_heads,
            d_ff=d_ff,
            rope_theta=_ROPE_THETA,
            norm_eps=_NORM_EPS,
            tie_embeddings=vocab_size > 0,
            attention=attention,
        )
    except ValueError as error:
        raise InterchangeError(
            f"{path} is not a llama2.c checkpoint, by its header ({error}): choose another file"
        ) from None


def _block_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of each kind of weight that a block has, in the order of the file."""
    d, ff, kv = config.d_model, config.feedforward_width, config.kv_heads * config.d_head
    return {
        "attention_norm": (d,),
        "attention.q_proj": (d, d),
        "attention.k_proj": (kv, d),
        "attention.v_proj": (kv, d),
        "attention.output_proj": (d, d),
        "feedforward_norm": (d,),
        "feedforward.w1": (ff, d),
        "feedforward.w2": (d, ff),
        "feedforward.w3": (ff, d),
    }


def _layout(config: ModelConfig) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Yield the content of the file in order: our names of tensors that follow each other, and their shape.

    A tensor without names is skipped.
    """
    table = (config.vocab_size, config.d_model)
    yield ["embedding.weight"], table
    for kind, shape in _block_shapes(config).items():
        yield [f"blocks.{layer}.{kind}.weight" for layer in range(config.num_layers)], shape
    yield ["final_norm.weight"], (config.d_model,)
    yield [], (2, config.context_length, config.d_head // 2)
    if not config.tie_embeddings:
        yield ["lm_head.weight"], table


def _file_size(config: ModelConfig) -> int:
    """Return the size of the file in bytes, without a loop over layers: a damaged header may claim very many."""
    tables = (1 if config.tie_embeddings else 2) * config.vocab_size * config.d_model
    blocks = config.num_layers * sum(prod(shape) for shape in _block_shapes(config).values())
    return _HEADER.size + 4 * (tables + blocks + config.d_model + config.context_length * config.d_head)


def _read_tensor(file: BufferedReader, shape: tuple[int, ...], path: Path) -> Tensor:
    content = bytearray(4 * prod(shape))
    if file.readinto(content) < len(content):
        raise InterchangeError(f"{path} became shorter while it was being read: try again once it is complete")
    return torch.frombuffer(content, dtype=torch.float32).reshape(shape)
