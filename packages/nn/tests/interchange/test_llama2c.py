"""llama2.c's checkpoints, written here by the description of its format, with the weights of one of our models."""

import struct

import pytest
import torch

from nn import ModelConfig, TransformerLM
from nn.interchange import InterchangeError, load_llama2c

TINY = {"vocab_size": 50, "context_length": 16, "d_model": 32, "num_layers": 2, "num_heads": 4, "d_ff": 48}


def write(path, model):
    """Write a checkpoint of version 0, weight by weight."""
    config, state = model.config, model.state_dict()
    sign = 1 if config.tie_embeddings else -1
    sizes = (config.d_model, config.d_ff, config.num_layers, config.num_heads, config.kv_heads)
    content = struct.pack("<7i", *sizes, sign * config.vocab_size, config.context_length)
    names = ["embedding.weight"]
    for kind in ("attention_norm", *(f"attention.{part}_proj" for part in ("q", "k", "v", "output"))):
        names += [f"blocks.{layer}.{kind}.weight" for layer in range(config.num_layers)]
    for kind in ("feedforward_norm", "feedforward.w1", "feedforward.w2", "feedforward.w3"):
        names += [f"blocks.{layer}.{kind}.weight" for layer in range(config.num_layers)]
    for name in [*names, "final_norm.weight", "freqs", *([] if config.tie_embeddings else ["lm_head.weight"])]:
        values = [7.0] * config.context_length * config.d_head if name == "freqs" else state[name].flatten().tolist()
        content += struct.pack(f"<{len(values)}f", *values)
    path.write_bytes(content)


@pytest.fixture
def model():
    return TransformerLM(ModelConfig(**TINY))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kv_heads", [4, 2])
def test_the_same_model(tmp_path, tied, kv_heads):
    model = TransformerLM(ModelConfig(**TINY, tie_embeddings=tied, num_kv_heads=kv_heads))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    write(tmp_path / "model.bin", model)
    back = load_llama2c(tmp_path / "model.bin")
    assert back.config == model.config
    assert (back.lm_head.weight is back.embedding.weight) == tied
    for name, tensor in model.state_dict().items():
        assert back.state_dict()[name].equal(tensor), name
    ids = torch.randint(50, (2, 16))
    assert back(ids).equal(model(ids))


def test_dtype_context_and_backend(tmp_path, model):
    write(tmp_path / "model.bin", model)
    back = load_llama2c(tmp_path / "model.bin", dtype=torch.bfloat16, context_length=4, attention="fused")
    assert back.lm_head.weight.equal(model.lm_head.weight.bfloat16())
    assert (back.config.context_length, back.config.attention) == (4, "fused")


def header(*values):
    return lambda content: struct.pack("<7i", *values) + content[28:]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], "has 83,611 bytes, but by its header it must have 83,612: it is truncated"),
        (lambda content: content[:40], "has 40 bytes, but by its header it must have 83,612"),
        (lambda content: content[:27], "has 27 bytes, but the header takes 28: it is truncated"),
        (lambda content: b"", "has 0 bytes"),
        (lambda content: content + b"\0", "it is not a checkpoint of llama2.c's version 0"),
        (header(0x616B3432, 2, 0, 0, 0, 0, 0), "has version 2 of llama2.c's format, but only version 0 is read"),
        (header(32, 48, 2, 5, 5, -50, 16), r"is not a llama2.c checkpoint, by its header \(model.d_model = 32 is not"),
        (header(32, 48, -2, 4, 4, -50, 16), r"model.num_layers is -2"),
        (header(32, 48, 2, 4, 4, 0, 16), r"model.vocab_size is 0"),
        (header(32, 48, 2**31 - 1, 4, 4, -50, 16), "by its header it must have"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, model, damage, message):
    path = tmp_path / "model.bin"
    write(path, model)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InterchangeError, match=message):
        load_llama2c(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_llama2c(tmp_path / "nowhere.bin")
