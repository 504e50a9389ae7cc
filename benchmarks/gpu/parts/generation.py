"""Greedy decoding of one sequence and of 64 at once: ours in turns with `transformers.generate`."""

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.gpu.alternation import alternate
from benchmarks.gpu.request import Request, Row, Rows
from benchmarks.model.sections.decoding import compare

_NEW_IDS = {"base": 240, "gpt2-small": 128}


def measure(request: Request) -> Rows:
    """Measure both as they are called without further settings."""
    for shape, new in _NEW_IDS.items():
        for sequences in (1, 2 if request.tiny else 64):
            sizes = {"shape": shape, "sequences": sequences, "prompt": 16, "new": 8 if request.tiny else new}
            modes = {"ours": "default", "transformers": "eager"}
            cases = {name: request.case("generate", name, **sizes, mode=mode) for name, mode in modes.items()}
            outcomes = alternate(cases, request.rounds(3))
            row: Row = {
                "case": f"{shape}, {'one sequence' if sequences == 1 else 'many sequences'}",
                "sequences": sequences,
            }
            for name, outcome in outcomes.items():
                if outcome.failed is not None:
                    row[f"{name}_failed"] = outcome.failed
                    continue
                row[f"{name}_tokens_per_second"] = sequences / median_of(outcome.rounds, "seconds")
                row[f"{name}_first_ms"] = 1e3 * median_of(outcome.rounds, "first")
            ours, theirs = outcomes.values()
            if ours.failed is None and theirs.failed is None:
                row["speed"] = median_ratio(theirs.rounds, ours.rounds, "seconds")
                row["ids"] = compare(theirs.prepared["ids"], ours.prepared["ids"])
            yield row
