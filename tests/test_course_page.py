"""What the page for the course's students names exists: files, symbols, experiments, commands."""

import importlib
import re
import shlex

import pytest

from account import AccountedRunConfig, account
from trainer import parse_config

from .conftest import ROOT

PAGE = ROOT / "docs" / "course.md"
TEXT = PAGE.read_text("utf-8")
TABLES = "\n".join(line for line in TEXT.splitlines() if line.startswith("| "))

PROBLEMS = """
    unicode1 unicode2 train_bpe train_bpe_tinystories train_bpe_expts_owt tokenizer tokenizer_experiments linear
    embedding rmsnorm positionwise_feedforward rope softmax scaled_dot_product_attention multihead_self_attention
    transformer_block transformer_lm transformer_accounting cross_entropy learning_rate_tuning adamw adamw_accounting
    adamwAccounting learning_rate_schedule gradient_clipping data_loading checkpointing training_together decoding
    experiment_log learning_rate batch_size_experiment generate parallel_layers layer_norm_ablation pre_norm_ablation
    no_pos_emb swiglu_ablation main_experiment leaderboard
"""
"""The problems of the handouts of 2024, 2025 and 2026."""


def test_every_problem_has_a_row():
    first_cells = " ".join(line.split("|")[1] for line in TABLES.splitlines())
    assert set(re.findall(r"`(\w+)`", first_cells)) == set(PROBLEMS.split())


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?://|#)([^)#]+)", TEXT))))
def test_links_lead_to_files(target):
    assert (PAGE.parent / target).is_file()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:bpe|nn|optim|trainer)\.[\w.]+)`", TEXT))))
def test_symbols_are_public(name):
    module, symbol = name.rsplit(".", 1)
    assert hasattr(importlib.import_module(module), symbol)


def experiments():
    """The names in backticks that follow the word experiment, up to the end of the cell or a semicolon."""
    sentences = re.findall(r"\bexperiments? ([^|;]*)", TABLES)
    names = (name for sentence in sentences for name in re.findall(r"(?<!\.)`(\w+)`", sentence))
    return sorted(set(names))


def test_experiments_are_found_on_the_page():
    assert {"unicode", "compression", "dtype", "learning_rate", "decoding", "silu", "corpora"} <= set(experiments())
    assert len(experiments()) == 17


@pytest.mark.parametrize("name", experiments())
def test_experiments_exist(name):
    assert (ROOT / "configs" / "experiments" / f"{name}.yaml").is_file()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"apps/[\w/]+\.py", TEXT))))
def test_applications_exist(path):
    assert (ROOT / path).is_file()


def test_the_figures_of_the_accounting_are_those_of_its_command():
    command = re.search(r"uv run apps/account.py (.*?)\n```", TEXT, re.DOTALL)[1].replace("\\\n", " ")
    config, _ = parse_config(AccountedRunConfig, shlex.split(command))
    costs = account(config)
    parameters, flops, days = re.search(r"prints ([\d,]+) parameters, ([\d,]+) FLOPs .* ([\d.]+) days", TEXT).groups()
    assert costs["parameters"]["total"] == int(parameters.replace(",", ""))
    assert costs["forward_flops_per_sequence"]["total"] == int(flops.replace(",", ""))
    assert f"{costs['training']['seconds'] / 86_400:.1f}" == days
