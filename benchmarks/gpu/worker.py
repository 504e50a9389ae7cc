"""The process of a part: takes a request (JSON) as its only argument and prints rows (JSON lines).

It imports torch, waits for a line on standard input, and measures.
"""

import importlib
import json
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from benchmarks.gpu.request import NotMeasuredError, Request


def main(request: Request) -> None:
    """Measure a part, and print each row as soon as it is known."""
    rows = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # anything that a library prints goes to standard error
    warnings.simplefilter("ignore")
    measure = importlib.import_module(f"benchmarks.gpu.parts.{request.part}").measure

    def show(row: Mapping[str, Any]) -> None:
        print(json.dumps(dict(row)), file=rows, flush=True)

    sys.stdin.readline()
    try:
        for row in measure(request):
            show(row)
    except NotMeasuredError as reason:
        show({"not_measured": str(reason)})


if __name__ == "__main__":
    main(Request.from_json(sys.argv[1]))
