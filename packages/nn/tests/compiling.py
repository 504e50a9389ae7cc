"""Compile the training step and the decoding step of every configuration.

    python packages/nn/tests/compiling.py inductor

Each must be one graph, compiled once, with the results of the uncompiled code. With `aot_eager`, torch's compiler
traces them forward and backward without changing the operations; `inductor` generates code, which takes a quarter of an
hour.
The compiler cannot trace the checks of shapes that other tests install, so this is a program of its own.
"""

import sys

import torch
from configurations import CONTEXT, build, covering_array, name_of, some_ids

from nn import compile_blocks, decoding, use_float8


def whole_loss(model, backend):
    return torch.compile(model.loss, fullgraph=True, dynamic=False, backend=backend)


def loss_by_blocks(model, backend):
    compile_blocks(model, backend=backend)
    return model.loss


def check_training_step(row, backend, compile):
    model, compiled = build(row), build(row)
    loss_of = compile(compiled, backend)
    for seed in range(3):
        # A block that differs from the others is compiled by itself, in the first step.
        blocks_differ = row["value_residual"] or row["embedding_shortcut"] or row["value_embeddings"]
        torch._dynamo.config.error_on_recompile = seed > 0 or compile is whole_loss or not blocks_differ
        inputs, targets = some_ids(2, CONTEXT, seed=seed), some_ids(2, CONTEXT, seed=seed + 9)
        model.zero_grad()
        compiled.zero_grad()
        expected, loss = model.loss(inputs, targets), loss_of(inputs, targets)
        assert loss.isfinite()
        torch.testing.assert_close(loss, expected)
        expected.backward()
        loss.backward()
        for ours, theirs in zip(compiled.parameters(), model.parameters(), strict=True):
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-5)
            with torch.no_grad():
                ours -= 0.01 * ours.grad
                theirs.copy_(ours)


def check_decoding_step(row, backend):
    model = build(row)
    compiled = torch.compile(decoding.step, fullgraph=True, dynamic=False, backend=backend)
    decoding.compiled_step = lambda: compiled
    ids = some_ids(2, CONTEXT)
    for start in (9, 11):  # the second time with another decoder, for which nothing may be compiled
        plain, fast = decoding.Decoder(model, 2), decoding.Decoder(model, 2, compile="on")
        prompts = ids[:, :start].tolist()
        torch.testing.assert_close(fast.read(prompts), plain.read(prompts))
        for t in range(start, CONTEXT):
            step = ids[:, t], torch.full((2,), t)
            torch.testing.assert_close(fast.step(*step), plain.step(*step), rtol=1e-4, atol=1e-5)


def check_float8(backend):
    """Numbers between two of float8 may be rounded to either, so only the same operations give near results."""
    model, compiled = build({}, d_ff=32), build({}, d_ff=32)
    inputs, targets = some_ids(2, CONTEXT), some_ids(2, CONTEXT, seed=9)
    use_float8(model.blocks)
    use_float8(compiled.blocks)
    expected = model.loss(inputs, targets)
    loss = torch.compile(compiled.loss, fullgraph=True, dynamic=False, backend=backend)(inputs, targets)
    expected.backward()
    loss.backward()
    tolerance = 0.0 if backend == "aot_eager" else 0.05
    torch.testing.assert_close(loss, expected, rtol=tolerance, atol=0)
    for ours, theirs in zip(compiled.parameters(), model.parameters(), strict=True):
        assert (ours.grad - theirs.grad).norm() <= 4 * tolerance * theirs.grad.norm()


def main(backend):
    for row in covering_array():
        print(f"training: {name_of(row)}", flush=True)  # noqa: T201
        for compile in (whole_loss, loss_by_blocks):
            torch._dynamo.reset()
            check_training_step(row, backend, compile)
        print(f"decoding: {name_of(row)}", flush=True)  # noqa: T201
        torch._dynamo.reset()
        check_decoding_step(row, backend)
    torch._dynamo.reset()
    check_float8(backend)
    print("all equal")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
