"""Compare the estimate of a compiled training step's memory with what the allocator counts.

    python packages/nn/tests/compiled_memory.py

prints the estimate, the count and their ratio for several configurations, which takes three minutes on a CPU; with
numbers, for those only. Blocks and final norm are compiled as in a training run. The compiler cannot trace the checks
of shapes that other tests install, so this is a program of its own.

    python packages/nn/tests/compiled_memory.py gpu

compares on a GPU, in mixed precision, the steps of three models with what torch allocates; with names, of those only.
"""

import sys

import torch
from allocator_peak import training_peak

from nn import ModelConfig, TransformerLM
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
    (shape, attention, precision)
    for shape in SHAPES
    for attention, precision in (("einx", "mixed"), ("fused", "float32"), ("einx", "float32"), ("fused", "mixed"))
]
BATCH = 8

LEADERBOARD = {"vocab_size": 32_000, "context_length": 512, "d_model": 1280, "d_ff": 3456, "num_layers": 12}
BASE = {"vocab_size": 32_000, "context_length": 256, "d_model": 512, "num_layers": 4, "num_heads": 16}
GPU_CASES = {
    "leaderboard": ModelConfig(**LEADERBOARD, num_heads=16, tie_embeddings=True, attention="fused"),
    "base": ModelConfig(**BASE, attention="fused"),
    "base_einx": ModelConfig(**BASE, attention="einx"),
}
GPU_BATCH = 128


def training_step(config, batch, precision, device="cpu"):
    """Return a step of SGD, the model and the optimizer; what is compiled is what a training run compiles."""
    model = TransformerLM(config, device=device)
    for module in (*model.blocks, *([model.final_norm] if config.norm != "none" else [])):
        module.forward = torch.compile(module.forward, fullgraph=True, dynamic=False)
    updates = torch.optim.SGD(model.parameters(), lr=0.1, foreach=False)
    ids = torch.randint(config.vocab_size, (batch, config.context_length), device=device)

    def step():
        with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "mixed"):
            loss = model.loss(ids, ids, compile_chunks=True)
        loss.backward()
        updates.step()
        updates.zero_grad()

    return step, model, updates


def gpu_peak(config):
    """Return the most bytes that torch has allocated in the second step, including weights."""
    step, _model, _updates = training_step(config, GPU_BATCH, "mixed", "cuda")
    step()
    torch.cuda.reset_peak_memory_stats()
    step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated()


def report(case, config, measured, batch, **settings):
    estimate = training_memory(config, batch, optimizer="sgd", compiled=True, **settings).peak
    print(f"{case} {estimate.total} {measured} {estimate.total / measured:.3f}", flush=True)  # noqa: T201


def compare(shape, attention, precision):
    torch.compiler.reset()
    config = ModelConfig(**SHAPES[shape], attention=attention)
    measured = training_peak(*training_step(config, BATCH, precision))
    report(f"{shape} {attention} {precision}", config, measured, BATCH, precision=precision)


def compare_on_gpu(name):
    torch.compiler.reset()
    config = GPU_CASES[name]
    report(name, config, gpu_peak(config), GPU_BATCH, precision="mixed", accelerator=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["gpu"]:
        for name in sys.argv[2:] or GPU_CASES:
            compare_on_gpu(name)
    else:
        for number in map(int, sys.argv[1:] or range(len(CASES))):
            compare(*CASES[number])
