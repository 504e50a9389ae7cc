"""The costs of a run from the outside: a configuration in, tables or JSON out."""

import importlib.util
import json

import pytest
import torch

from account import main
from nn import ModelConfig, TransformerLM
from nn.accounting import training_memory
from trainer import OptimizerConfig, make_optimizer, train_step

from .conftest import ROOT


def counted(call, *options):
    outcome = call(main, *options, "--json")
    assert outcome.code == 0, outcome
    return json.loads(outcome.output)


def test_the_base_run(call):
    account = counted(call, "--config", ROOT / "configs" / "tinystories.yaml")
    assert account["parameters"]["total"] == 22_696_448
    assert account["training"]["tokens"] == 327_680_000
    assert account["training"]["flops_by_rule_6nd"] == 6 * 327_680_000 * 22_696_448
    assert account["training"]["flops"] == 3 * 128 * 10_000 * account["forward_flops_per_sequence"]["total"]
    forward, backward = account["forward_flops_per_sequence"], account["backward_flops_per_sequence"]
    assert backward == {part: 2 * flops for part, flops in forward.items()}
    memory = account["memory_bytes"]
    parts = ("parameters", "optimizer", "gradients", "activations", "working")
    assert sum(memory[part] for part in parts) == memory["peak"]
    assert memory["reference"]["total"] == sum(size for part, size in memory["reference"].items() if part != "total")


def test_options_count(call):
    base = counted(call)
    assert counted(call, "--model.tie_embeddings=true")["parameters"]["head"] == 0
    parts = counted(call, "--training.gradient_accumulation=4")["memory_bytes"]
    assert parts["sequences_at_once"] == 32
    assert parts["gradients"] == 4 * base["parameters"]["total"]  # those of earlier microbatches stay in memory
    faster = counted(call, "--account.peak_flops=989e12", "--account.mfu=0.8")["training"]["seconds"]
    assert faster == pytest.approx(base["training"]["seconds"] * (100e9 * 0.4) / (989e12 * 0.8))
    assert counted(call, "--account.loss=plain")["memory_bytes"]["peak"] > base["memory_bytes"]["peak"]


def test_a_trained_run_is_a_configuration(call, trained_run):
    assert counted(call, "--config", trained_run / "config.yaml")["training"]["tokens"] == 4 * 4 * 32


def test_tables(call):
    outcome = call(main)
    assert outcome.code == 0
    assert "22,696,448  100%" in outcome.output
    assert "days at 40% of 1e+11 FLOP/s" in outcome.output


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--model.num_heads=7", "make model.num_heads a divisor of it"),
        ("--account.mfu=1.5", "mfu is 1.5"),
        ("--account.peak_flops=0", "peak_flops is 0.0"),
        ("--account.precision=int8", "account.precision is 'int8': choose one of float32, bfloat16, mixed"),
        ("--acount.mfu=1", "did you mean --account.mfu?"),
    ],
)
def test_mistakes_are_one_line(call, option, message):
    assert message in call(main, option).one_line_error()


def load_allocator_peak():
    """The measurement of memory from the tests of `nn`."""
    spec = importlib.util.spec_from_file_location(
        "allocator_peak", ROOT / "packages" / "nn" / "tests" / "allocator_peak.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured_peak(config, batch, *, optimizer, precision, accumulates, accelerator):
    """The peak of the trainer's own step, clipping and update included, with the optimizer of that hardware."""
    parts = 2 if accumulates else 1
    model = TransformerLM(config, dtype=torch.bfloat16 if precision == "bfloat16" else None)
    settings = OptimizerConfig(name=optimizer, muon_precision="bfloat16" if accelerator else "float32")
    updates = make_optimizer(settings, model)
    if accelerator and optimizer != "sgd":
        updates.implementation = "foreach"
    ids = torch.randint(config.vocab_size, (parts * batch, config.context_length))

    def loss(inputs, targets):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "mixed"):
            return model.loss(inputs, targets)

    def step():
        train_step(loss, updates, ids, ids, learning_rate=1e-3, gradient_accumulation=parts)

    return load_allocator_peak().training_peak(step, model, updates)


def check(config, batch, **settings):
    settings = {"optimizer": "adamw", "precision": "float32", "accumulates": False, "accelerator": False, **settings}
    measured = measured_peak(config, batch, **settings)
    assert training_memory(config, batch, **settings).peak.total == pytest.approx(measured, rel=0.1)


def two_layers(vocab_size):
    return ModelConfig(vocab_size=vocab_size, context_length=64, d_model=128, num_layers=2, num_heads=4)


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "mixed"])
@pytest.mark.parametrize("accumulates", [False, True])
@pytest.mark.parametrize("vocab_size", [500, 8000], ids=["small_head", "large_head"])
def test_the_memory_of_the_trainers_step(optimizer, precision, accumulates, vocab_size):
    check(two_layers(vocab_size), 2, optimizer=optimizer, precision=precision, accumulates=accumulates)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_memory_of_updates_as_on_accelerators(optimizer, precision):
    config = two_layers(500)
    check(config, 1, optimizer=optimizer, precision=precision, accelerator=True)
    assert (
        training_memory(config, 1, optimizer=optimizer, precision=precision, accelerator=True).peak_moment == "update"
    )
