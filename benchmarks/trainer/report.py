"""The page of the trainer's results, made from the JSON alone."""

from collections.abc import Callable
from typing import Any

from benchmarks.common.markdown import NOT_MEASURED, conditions, failed_cells, library_name, table, write_page

Row = dict[str, Any]
_LIMIT = 0.02
"""What the loop may cost besides gradients and update, as a share of a step."""
_HOW = {
    "overhead": "pairs of steps: {}, in one process",
    "loader": (
        "rounds: {}; in each round every loader is measured once, in reverse order in every other round; one process"
    ),
    "checkpoints": (
        "rounds: {}, after one that does not count; in each round every method is measured once, in reverse order in "
        "every other round; one process"
    ),
}
_PARTS = {
    "gradients": "gradients (forward, backward, clipping)",
    "update": "update",
    "batch": "making the batch",
    "check": "check that loss and gradient are finite, before the update",
    "agreement": "agreement of all processes on interruptions and time",
    "report": "report: metrics.jsonl, console, log",
    "rest": "the rest: learning rate, skipped steps, counters",
}
_IMPLEMENTATIONS = """- **ours**: `trainer.train`; `TrainingBatches`; `CheckpointWriter` and `CheckpointStore`.
- **plain loop**: only `zero_grad`, `model.loss`, `backward`, `clip_grad_norm` and `step`, with a model and an optimizer
  of the same classes; it does not load its batches itself.
- **numpy**: random windows of a memory-mapped file, `np.stack`, one conversion to int64, `torch.from_numpy`.
  **nanoGPT**: what `get_batch` of its `train.py` does, which maps the file again for every batch.
- **DataLoader**: torch's, on a map-style data set of consecutive windows, `shuffle=True`, `drop_last=True`, without
  worker processes and with two.
- **torch.save**, **safetensors** (`save_file`): the state_dicts of model and optimizer in one file, then `fsync`.
- **torch.distributed.checkpoint**: `save` and `async_save` of the same, `no_dist=True`; it syncs its files itself.
  **Stager kept**: one `DefaultStager`, so that all copies use the same memory."""


def page(results: dict[str, Any]) -> str:
    """Return the page: each section that has been measured, and how it was measured."""
    writers = {"overhead": _overhead, "loader": _loader, "checkpoints": _checkpoints}
    return write_page("trainer", results, writers, "## Implementations", _IMPLEMENTATIONS)


def _conditions(section: Row, how: str) -> str:
    lines = conditions(section, how)
    lines.append(f"- Threads of torch: {section['threads']}; on the CPU, float32")
    if "load" in section:
        lines.append(f"- Load average of the machine in the minute before: {section['load']:.1f} (should be near 0)")
    if section["quick"]:
        lines.append("- **A tiny model, to test the benchmark: these results mean nothing.**")
    model = section["model"]
    lines.append(
        f"- Model: {model['parameters']:,} parameters; {model['num_layers']} layers, d_model {model['d_model']}, d_ff "
        f"{model['d_ff']}, {model['num_heads']} heads, vocabulary {model['vocab_size']:,}; a batch has "
        f"{section['batch_size']} sequences of {model['context_length']:,} tokens"
    )
    return "\n".join(lines)


def _overhead(section: Row) -> list[str]:
    low, high = section["quartiles_of_ratios"]
    lines = [
        [text, f"{1e3 * section['parts'][name]:,.3f}", f"{100 * section['parts'][name] / section['seconds']:.3f} %"]
        for name, text in _PARTS.items()
    ]
    share, verdict = section["around_share"], "within" if section["around_share"] <= _LIMIT else "**above**"
    return [
        "## The cost of the loop",
        "A complete run, not compiled, that reports **every step** (the most that is possible; by default every tenth) "
        "to an output that is not a terminal. Before each of its steps, the plain loop takes a step on the same batch; "
        "after the last step both models have the same weights, bit for bit. Medians.",
        table(
            ["loop", "ms per step", "relative to plain"],
            [
                ["**ours**, everything in a step", f"{1e3 * section['seconds']:,.1f}", f"{section['ratio']:.3f}×"],
                ["plain", f"{1e3 * section['plain_seconds']:,.1f}", "1.000×"],
            ],
        ),
        f"The ratio is that of the medians; half of the ratios of neighbouring steps are between {low:.3f} and "
        f"{high:.3f}. The noise of this machine alone, as the ratio of alternate steps of the plain loop: "
        f"{section['plain_over_itself']:.3f}×.",
        f"Timed separately, everything except gradients and update takes **{1e3 * section['around_seconds']:.2f} ms, "
        f"{100 * share:.3f} %** of a step (at most {1e3 * section['most_around_seconds']:.2f} ms in a step), {verdict} "
        f"the limit of {100 * _LIMIT:.0f} %:",
        table(["part of our step", "ms", "of the step"], lines),
        _conditions(section, _HOW["overhead"]),
    ]


def _loader(section: Row) -> list[str]:
    head = ["loader", "order", "tokens/s", "µs per batch", "ours (random) over it", "first batch, s"]
    return [
        "## Loading batches",
        f"Batches of {section['batch_tokens']:,} tokens, int64 inputs and targets in CPU memory, from a file of "
        f"{section['tokens']:,} uint16 ids that is in the page cache; {section['batches']:,} batches per round. **Two "
        "files**: halves of that size, weighted 0.7 and 0.3. **Ours over it**: how many times as fast ours in random "
        "order is, the median of the ratios of the same round. **First batch**: from opening the file to the first "
        "batch; ours checks every id of the file once.",
        table(head, [_line(row, _loader_cells, len(head)) for row in section["rows"]]),
        _conditions(section, _HOW["loader"]),
    ]


def _loader_cells(row: Row) -> list[str]:
    return [
        f"{row['tokens_per_second']:,.0f}",
        f"{1e6 * row['seconds']:,.0f}",
        _times(row, "speed_over_reference"),
        f"{row['first_seconds']:.3f}",
    ]


def _checkpoints(section: Row) -> list[str]:
    head = ["method", "mode", "MB", "on disk, s", "ours over it", "training waits, s", "the first time, s"]
    head += ["load, s", "ours loads over it"]
    return [
        "## Saving and loading",
        "The model and the moments of AdamW. **On disk**: from the call until everything is synced. Ours also hashes "
        "every file (SHA-256), writes to a temporary name, syncs files and folders and renames; the others write "
        "directly to the final name. **Training waits** until the call returns; **the first time** memory for a copy "
        "is allocated. **Load**: from files in the page cache into an existing model and optimizer, which are then "
        "checked; ours verifies sizes, hashes, names, shapes and that all values are finite. **Ours over it**: how "
        "many times as fast ours in the foreground is, the median of the ratios of the same round.",
        table(head, [_line(row, _checkpoint_cells, len(head)) for row in section["rows"]]),
        _conditions(section, _HOW["checkpoints"]),
    ]


def _checkpoint_cells(row: Row) -> list[str]:
    return [
        f"{row['bytes'] / 1e6:,.0f}",
        f"{row['seconds']:.3f}",
        _times(row, "speed_over_reference"),
        f"{row['stall_seconds']:.3f}",
        f"{row['first_turn']['stall_seconds']:.3f}",
        f"{row['load_seconds']:.3f}",
        _times(row, "load_speed_over_reference"),
    ]


def _line(row: Row, cells: Callable[[Row], list[str]], width: int) -> list[str]:
    """Return the line of a table, with the reason if the case failed."""
    first = [library_name(row), row["mode"]]
    return failed_cells(first, row["failed"], width) if "failed" in row else [*first, *cells(row)]


def _times(row: Row, key: str) -> str:
    """Return how many times as fast the reference is."""
    return f"{1 / row[key]:.2f}×" if key in row else NOT_MEASURED
