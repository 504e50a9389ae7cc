"""The account from the outside: any configuration in, tables or JSON out."""

import json

import pytest

from account import main

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
    memory = account["memory_bytes"]
    parts = ("parameters", "optimizer", "gradients", "activations", "working")
    assert sum(memory[part] for part in parts) == memory["peak"]


def test_options_count(call):
    base = counted(call)
    assert counted(call, "--model.tie_embeddings=true")["parameters"]["head"] == 0
    assert counted(call, "--training.gradient_accumulation=4")["memory_bytes"]["sequences_at_once"] == 32
    faster = counted(call, "--account.peak_flops=989e12", "--account.mfu=0.8")["training"]["seconds"]
    assert faster == pytest.approx(base["training"]["seconds"] * (100e9 * 0.4) / (989e12 * 0.8))
    assert counted(call, "--account.loss=plain")["memory_bytes"]["peak"] > base["memory_bytes"]["peak"]


def test_a_trained_run_is_a_configuration(call, trained_run):
    assert counted(call, "--config", trained_run / "config.yaml")["training"]["tokens"] == 4 * 4 * 32


def test_for_people(call):
    outcome = call(main)
    assert outcome.code == 0
    assert "22,696,448  100%" in outcome.output
    assert "days at 40% of 1e+11 FLOP/s" in outcome.output


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--model.num_heads=7", "cannot be shared by 7 heads"),
        ("--account.mfu=1.5", "mfu is 1.5"),
        ("--account.peak_flops=0", "peak_flops is 0.0"),
        ("--account.precision=int8", "account.precision"),
        ("--acount.mfu=1", "did you mean --account.mfu?"),
    ],
)
def test_mistakes_are_one_line(call, option, message):
    assert message in call(main, option).one_line_error()
