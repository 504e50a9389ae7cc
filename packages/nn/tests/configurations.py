"""The configurations that the tests use: any two values of any two options occur together in one of them."""

import itertools
import random

import torch

from nn import ModelConfig, TransformerLM

OPTIONS = {
    "norm": ("pre", "post", "none"),
    "position": ("rope", "none"),
    "ffn": ("swiglu", "silu", "relu2"),
    "num_kv_heads": (None, 2, 1),
    "tie_embeddings": (False, True),
    "window": (None, 5, 1),
    "separator_token": (None, 3),
    "value_embeddings": (False, True),
    "qk_norm": (False, True),
    "value_residual": (False, True),
    "embedding_shortcut": (False, True),
    "embedding_norm": (False, True),
    "norm_gains": (True, False),
    "qk_scale": (1.0, 1.44),
    "init": ("truncated_normal", "uniform"),
    "logit_soft_cap": (None, 4.0),
    "zero_init_outputs": (False, True),
    "attention": ("einx", "fused", "flex"),
}
VOCAB, CONTEXT = 40, 16
ROWS = 3  # sequences in a batch: einx traces each new shape, so the tests share one

GPT2_SHAPES = {"xl": (48, 1600, 25), "large": (36, 1280, 20), "medium": (24, 1024, 16), "small": (12, 768, 12)}


def covering_array():
    """Return settings of all options in which each pair of values occurs, greedily: the best of some random rows."""
    rng = random.Random(0)
    pairs = {
        ((a, x), (b, y))
        for a, b in itertools.combinations(OPTIONS, 2)
        for x, y in itertools.product(OPTIONS[a], OPTIONS[b])
    }
    rows = [{name: values[0] for name, values in OPTIONS.items()}]
    while pairs := pairs - set(itertools.combinations(rows[-1].items(), 2)):
        candidates = [{name: rng.choice(values) for name, values in OPTIONS.items()} for _ in range(200)]
        rows.append(max(candidates, key=lambda row: len(pairs.intersection(itertools.combinations(row.items(), 2)))))
    return rows


def config_of(row, **changes):
    sizes = {"vocab_size": VOCAB, "context_length": CONTEXT, "d_model": 16, "num_layers": 2, "num_heads": 4, "d_ff": 24}
    return ModelConfig(**{**sizes, **row, **changes})


def gpt2(size):
    """The shapes whose figures are published: un-gated networks of width 4·d, separate head."""
    layers, d_model, heads = GPT2_SHAPES[size]
    shape = {"vocab_size": 50_257, "context_length": 1024, "d_model": d_model, "num_layers": layers}
    return ModelConfig(**shape, num_heads=heads, ffn="silu")


def name_of(row):
    changed = [f"{name}={value}" for name, value in row.items() if value != OPTIONS[name][0]]
    return ",".join(changed) or "base"


def build(row, **changes):
    model = TransformerLM(config_of(row, **changes), generator=torch.Generator().manual_seed(1))
    if model.config.zero_init_outputs:  # blocks that are the identity would hide every mistake
        generator = torch.Generator().manual_seed(2)
        for name, parameter in model.named_parameters():
            if name.endswith(("output_proj.weight", "w2.weight")):
                assert not parameter.any()
                torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    return model


def some_ids(*shape, seed=0):
    return torch.randint(VOCAB, shape, generator=torch.Generator().manual_seed(seed))
