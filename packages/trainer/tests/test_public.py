import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import trainer

SUBPACKAGES = ["checkpoints", "data", "plots", "reporting", "run", "runtime"]


def loaded_after(program):
    """The modules that a fresh process has loaded after a program."""
    shown = f"{program}; import sys; print(*sys.modules)"
    return subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True).stdout.split()


def test_public_names():
    assert set(trainer.__all__) >= {"get_batch", "save_checkpoint", "load_checkpoint", "train", "train_step"}
    assert len(trainer.__all__) <= 40
    assert set(trainer.__all__) <= set(dir(trainer))


@pytest.mark.parametrize("name", ["trainer", *(f"trainer.{name}" for name in SUBPACKAGES)])
def test_every_public_name_exists(name):
    package = importlib.import_module(name)
    assert package.__all__
    assert all(hasattr(package, public) for public in package.__all__)


def test_the_tokenizer_and_wandb_are_not_loaded():
    assert not {"bpe", "wandb"} & set(loaded_after("from trainer import train"))


def test_the_examples_in_the_docstrings():
    modules = [importlib.import_module(entry.name) for entry in pkgutil.walk_packages(trainer.__path__, "trainer.")]
    results = [doctest.testmod(module) for module in modules]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) > 0
