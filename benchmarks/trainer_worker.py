"""One section of the trainer's benchmark, in a process of its own: a request (JSON) in, the answer as the last line.

What is compared is in the same process, and takes turns there: importing torch and all else takes longer than a turn.

Tasks:
    overhead: the trainer's loop and one written by hand.
    loader: batches of all loaders.
    checkpoints: all ways to save and load a model with its optimizer.
"""

import importlib
import json
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import torch

from trainer_model import model_facts

TASKS = {"overhead": "trainer_overhead", "loader": "trainer_loader", "checkpoints": "trainer_checkpoints"}


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a request."""
    module = importlib.import_module(TASKS[request["task"]])
    facts = {"threads": torch.get_num_threads(), "model": model_facts(request["quick"])}
    return facts | getattr(module, request["task"])(request)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the last line on standard error tells why a worker failed
    print(f"\n{json.dumps(answer(json.loads(sys.argv[1])))}")
