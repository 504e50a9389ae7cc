"""Compare the estimate of a compiled training step's memory with what the allocator counts.

    python packages/nn/tests/compiled_memory.py

prints the estimate, the count and their ratio for several configurations, which takes five minutes on a CPU; with
numbers, for those only. The compiler cannot trace the checks of shapes that other tests install, so this is a program
of its own.
"""

import sys

import torch
from allocator_peak import training_peak

from nn import ModelConfig, TransformerLM, cross_entropy
from nn.accounting import training_memory

SWITCHES = {"value_residual": True, "embedding_shortcut": True, "embedding_norm": True, "qk_norm": True}
SHAPES = {
    "head": {"vocab_size": 8000, "context_length": 128, "d_model": 256, "num_layers": 2, "num_heads": 8},
    "soft_cap": {
        "vocab_size": 4000,
        "context_length": 128,
        "d_model": 128,
        "num_layers": 2,
        "num_heads": 4,
        "logit_soft_cap": 10.0,
        "ffn": "relu2",
        "norm": "post",
        "num_kv_heads": 2,
    },
    "attention": {"vocab_size": 300, "context_length": 256, "d_model": 64, "num_layers": 3, "num_heads": 4},
    "switches": {"vocab_size": 1500, "context_length": 64, "d_model": 64, "num_layers": 3, "num_heads": 4, **SWITCHES},
}
CASES = [
    (shape, attention, loss, precision)
    for shape in SHAPES
    for attention, loss, precision in (
        ("einx", "chunked", "mixed"),
        ("fused", "chunked", "float32"),
        ("einx", "plain", "float32"),
        ("fused", "plain", "mixed"),
    )
]
BATCH = 8


def measured_peak(config, loss, precision):
    model = TransformerLM(config)
    updates = torch.optim.SGD(model.parameters(), lr=0.1, foreach=False)
    ids = torch.randint(config.vocab_size, (BATCH, config.context_length))

    @torch.compile(fullgraph=True, dynamic=False)
    def compute():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "mixed"):
            return model.loss(ids, ids) if loss == "chunked" else cross_entropy(model(ids), ids)

    def step():
        compute().backward()
        updates.step()
        updates.zero_grad()

    return training_peak(step, model, updates)


def compare(shape, attention, loss, precision):
    torch.compiler.reset()
    config = ModelConfig(**SHAPES[shape], attention=attention)
    settings = {"loss": loss, "precision": precision}
    estimate = training_memory(config, BATCH, optimizer="sgd", compiled=True, **settings).peak
    measured = measured_peak(config, **settings)
    case = f"{shape} {attention} {loss} {precision}"
    print(f"{case} {estimate.total} {measured} {estimate.total / measured:.3f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    for number in map(int, sys.argv[1:] or range(len(CASES))):
        compare(*CASES[number])
