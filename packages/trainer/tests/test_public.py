import doctest
import importlib
import pkgutil
import subprocess
import sys

import trainer


def test_public_names():
    assert trainer.__all__ == sorted(trainer.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert set(trainer.__all__) >= {
        "get_batch",
        "save_checkpoint",
        "load_checkpoint",
        "train",
        "TrainConfig",
        "TrainingBatches",
    }
    assert all(hasattr(trainer, name) for name in trainer.__all__)


def test_the_tokenizer_and_wandb_are_not_loaded():
    program = "import sys, trainer; print(sorted({'bpe', 'wandb'} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


def test_the_examples_in_the_docstrings():
    modules = [
        trainer,
        *(importlib.import_module(f"trainer.{entry.name}") for entry in pkgutil.iter_modules(trainer.__path__)),
    ]
    results = [doctest.testmod(module) for module in modules]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) > 0
