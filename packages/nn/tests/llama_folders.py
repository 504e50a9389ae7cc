"""Llama folders: a model to export, ways to change its files, and the equations of Hugging Face's Llama."""

import json
from dataclasses import replace

import torch
from safetensors.torch import load_file, save_file

from nn import ModelConfig, TransformerLM

TINY = ModelConfig(vocab_size=50, context_length=16, d_model=32, num_layers=2, num_heads=4, d_ff=48)
SHAPES = [
    {},
    {"num_kv_heads": 2, "rope_theta": 500.0, "norm_eps": 0.1},
    {"num_kv_heads": 1, "tie_embeddings": True},
    {"num_heads": 16, "window": 16, "zero_init_outputs": False},
]
INDEX = "model.safetensors.index.json"


def theirs(config, tensors, ids):
    """Their model: rotation of halves, repeated key/value heads, all from the content of the files."""

    def norm(x, name):
        return x * (x.square().mean(-1, keepdim=True) + config["rms_norm_eps"]).rsqrt() * tensors[name + ".weight"]

    def linear(x, name):
        return x @ tensors[name + ".weight"].T

    def rotate(x):
        half = x.shape[-1] // 2
        angles = torch.arange(x.shape[-2])[:, None] * config["rope_theta"] ** (-torch.arange(half) / half)
        first, second = x[..., :half], x[..., half:]
        cos, sin = angles.cos(), angles.sin()
        return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)

    def heads(x, count):
        return x.unflatten(-1, (count, config["head_dim"])).transpose(1, 2)

    num_heads, num_kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    hidden = tensors["model.embed_tokens.weight"][ids]
    future = torch.ones(ids.shape[1], ids.shape[1]).triu(1).bool()
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        x = norm(hidden, at + "input_layernorm")
        q = rotate(heads(linear(x, at + "self_attn.q_proj"), num_heads))
        k = rotate(heads(linear(x, at + "self_attn.k_proj"), num_kv_heads))
        v = heads(linear(x, at + "self_attn.v_proj"), num_kv_heads)
        k, v = (tensor.repeat_interleave(num_heads // num_kv_heads, 1) for tensor in (k, v))
        scores = (q @ k.transpose(-1, -2) / config["head_dim"] ** 0.5).masked_fill(future, -torch.inf)
        hidden = hidden + linear((scores.softmax(-1) @ v).transpose(1, 2).flatten(2), at + "self_attn.o_proj")
        x = norm(hidden, at + "post_attention_layernorm")
        gate = linear(x, at + "mlp.gate_proj")
        hidden = hidden + linear(gate * gate.sigmoid() * linear(x, at + "mlp.up_proj"), at + "mlp.down_proj")
    head = "model.embed_tokens" if config["tie_word_embeddings"] else "lm_head"
    return linear(norm(hidden, "model.norm"), head)


def make_model(**fields):
    """A model whose gains are not their initial values."""
    model = TransformerLM(replace(TINY, **fields))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
    return model


def edit(folder, *remove, **change):
    """Change fields of config.json."""
    content = json.loads((folder / "config.json").read_text())
    content = {key: value for key, value in content.items() if key not in remove} | change
    (folder / "config.json").write_text(json.dumps(content))


def edit_tensors(folder, *remove, **change):
    tensors = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    tensors |= {name.replace("__", "."): tensor for name, tensor in change.items()}
    save_file({name: tensor for name, tensor in tensors.items() if name not in remove}, folder / "model.safetensors")


def stored_tensors(folder):
    files = sorted(folder.glob("*.safetensors"))
    return {name: tensor for file in files for name, tensor in load_file(file).items()}


def truncate(path):
    path.write_bytes(path.read_bytes()[:-50])
