"""Generate text while einx warns when a line of the program is called with a fourth shape, each of which it traces.

    python packages/nn/tests/retracing.py

prints the warnings in four parts: for one text, for two at a time, for prompts of many lengths in caches of several
capacities, and, to show that einx does warn, for growing texts without a cache. einx reads its setting when it is
imported and never forgets a shape, so this is a program of its own.
"""

import os

os.environ["EINX_WARN_ON_RETRACE"] = "4"

import torch

from nn import ModelConfig, TransformerLM, generate, generate_batch

if __name__ == "__main__":
    model = TransformerLM(ModelConfig(vocab_size=40, context_length=32, d_model=32, num_layers=2, num_heads=4))
    assert len(list(generate(model, [1, 2, 3], 150))) == 150
    print("END OF PART")  # noqa: T201
    assert len(list(generate_batch(model, [[1], [2, 3]], 150))) == 150
    print("END OF PART")  # noqa: T201
    # By the definition of attention each capacity would have shapes of its own.
    config = ModelConfig(
        vocab_size=40,
        context_length=512,
        d_model=32,
        num_layers=2,
        num_heads=4,
        num_kv_heads=2,
        window=50,
        separator_token=0,
        attention="fused",
    )
    long = TransformerLM(config)
    for length in (1, 2, 3, 30, 31, 32, 33, 40, 63, 64, 65, 100, 200, 300, 500, 512):
        assert len(list(generate(long, [1] * length, 20))) == 20
    print("END OF PART")  # noqa: T201
    for length in range(2, 7):
        model(torch.ones(1, length, dtype=torch.long))
