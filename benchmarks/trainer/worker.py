"""The worker of the trainer's benchmark: takes a request (JSON) as its only argument and prints one line of JSON.

All cases that are compared are measured in this one process: importing torch takes longer than one measurement.

Tasks:
    overhead: the trainer's loop and a minimal loop.
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

from benchmarks.trainer.trained_model import model_facts


def measure(request: Mapping[str, Any]) -> dict[str, Any]:
    """Run the task of a request and return its measurements; each task is a module with a function of its name."""
    task = request["task"]
    function = getattr(importlib.import_module(f"benchmarks.trainer.tasks.{task}"), task)
    return {"threads": torch.get_num_threads(), "model": model_facts(request["quick"]), **function(request)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the last line on standard error is reported as the reason of a failure
    print(f"\n{json.dumps(measure(json.loads(sys.argv[1])))}")
