"""The worker of the model's benchmark: takes a request (JSON) as its only argument and prints answers (JSON lines).

It answers once when it is prepared, once for each line that it reads, and once at the end, with the peak of memory.

Tasks:
    agree: logits, loss, gradients and greedy ids of a library compared with ours.
    matmul: the machine's best matrix product.
    train: a training step.
    first_step: from the start of the process to the end of its first training step.
    loss: the LM head and the cross-entropy, forward and backward.
    optimizer: an update of all parameters.
    attention: an attention layer, forward and backward.
    generate: greedy decoding.
"""

import importlib
import json
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from benchmarks.model.memory import Memory
from benchmarks.model.tasks.case import Case, Prepare

TASKS = {
    "agree": "agreement",
    "matmul": "training",
    "train": "training",
    "first_step": "training",
    "loss": "loss",
    "optimizer": "optimizer",
    "attention": "attention",
    "generate": "generation",
}
"""The module of each task, in which a function of the task's name prepares it."""


def prepare(request: Mapping[str, Any], memory: Memory) -> Case:
    """Import the module of a task and prepare what is measured."""
    task = request["task"]
    function: Prepare = getattr(importlib.import_module(f"benchmarks.model.tasks.{TASKS[task]}"), task)
    return function(request, memory)


def main(request: Mapping[str, Any]) -> None:
    """Prepare, then measure whenever a line arrives on standard input."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # anything that a library prints goes to standard error
    warnings.simplefilter("ignore")  # the last line on standard error is reported as the reason of a failure

    def answer(facts: Mapping[str, Any]) -> None:
        print(json.dumps(dict(facts)), file=answers, flush=True)

    if "cache" in request:  # the compilers read this when they are first used
        for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
            os.environ[name] = os.path.join(request["cache"], name.split("_")[0].lower())  # noqa: PTH118
    memory = Memory(request["device"], request["mode"])
    facts, measure = prepare(request, memory)
    memory.reset_peak()
    answer(facts)
    for _line in sys.stdin:
        answer(measure())
    answer({"memory": memory.peak()})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
