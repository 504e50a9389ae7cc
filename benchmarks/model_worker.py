"""One measurement of the model in a process of its own: a request (JSON) as its argument, answers line by line.

It answers when it is ready, once for each line that it reads, and with the peak of memory at the end.

Tasks:
    agree: a library's logits, loss, gradients and greedy ids against ours.
    matmul: how fast the machine multiplies matrices.
    train: a training step.
    loss: the LM head and the cross-entropy, forward and backward.
    optimizer: an update of all parameters.
    attention: an attention layer, forward and backward.
    generate: greedy decoding of one sequence.
"""

import importlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from model_memory import Memory

TASKS = {
    "agree": "model_task_agreement",
    "matmul": "model_task_training",
    "train": "model_task_training",
    "loss": "model_task_parts",
    "optimizer": "model_task_parts",
    "attention": "model_task_parts",
    "generate": "model_task_generation",
}
Facts = Mapping[str, Any]
Prepare = Callable[[Mapping[str, Any], Memory], tuple[Facts, Callable[[], Facts]]]
"""What a task is: a request in; out come what is to be said before the first turn, and the turn."""


def main(request: Mapping[str, Any]) -> None:
    """Prepare, then measure for as long as somebody asks."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what libraries print is no answer
    warnings.simplefilter("ignore")  # the last line on standard error tells why a worker failed

    def say(facts: Facts) -> None:
        print(json.dumps(dict(facts)), file=answers, flush=True)

    memory = Memory(request["device"], request["mode"])
    prepare: Prepare = getattr(importlib.import_module(TASKS[request["task"]]), request["task"])
    facts, turn = prepare(request, memory)
    memory.forget_peak()
    say(facts)
    for _line in sys.stdin:
        say(turn())
    say({"memory": memory.peak()})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
