"""The page of the trainer's results: Markdown made of the JSON alone."""

from collections.abc import Callable, Mapping
from typing import Any

from markdown import conditions, table

Row = dict[str, Any]
_BAR = 0.02
"""What the loop may cost beside gradients and update, as a share of a step."""
_HOW = {
    "overhead": "pairs of steps: {}, in one process",
    "loader": "rounds: {}, in each of which all have their turns, every other one backwards; one process",
    "checkpoints": (
        "rounds: {}, and one before them that does not count, in each of which all have their turns, every other one "
        "backwards; one process"
    ),
}
_PARTS = {
    "gradients": "gradients (forward, backward, clipping)",
    "update": "update",
    "batch": "making the batch",
    "check": "check that loss and gradient are finite, before the update",
    "agreement": "agreement about an interruption and the time",
    "report": "report: metrics.jsonl, console, log",
    "rest": "the rest: learning rate, guard, counts",
}
_PEERS = """- **ours**: `trainer.train`, `TrainingBatches`, `CheckpointWriter` and `CheckpointStore.latest_good` as
  everybody uses them.
- **plain loop**: `zero_grad`, `model.loss`, `backward`, `clip_grad_norm`, `step`, and nothing else, with a model and an
  optimizer of the same classes; it is given its batches.
- **numpy**: random windows of a file that stays mapped, `np.stack`, one conversion to int64, `torch.from_numpy`.
  **nanoGPT**: what `get_batch` of its `train.py` does, which maps the file anew for every batch.
- **DataLoader**: torch's, over a map-style data set of windows side by side, `shuffle=True`, `drop_last=True`, without
  processes of its own and with two.
- **torch.save**, **safetensors** (`save_file`): the state_dicts of model and optimizer in one file, then `fsync`.
- **torch.distributed.checkpoint**: `save` and `async_save` of the same, `no_dist=True`; it syncs its files itself.
  **Stager kept**: one `DefaultStager`, so that its copies go to the same memory each time."""


def page(results: dict[str, Any]) -> str:
    """Return the whole page: each section that has been measured, with what it was measured on."""
    writers: Mapping[str, Callable[[Row], list[str]]] = {
        "overhead": _overhead,
        "loader": _loader,
        "checkpoints": _checkpoints,
    }
    parts = ["# Trainer benchmarks", "_Made by `benchmarks/trainer_costs.py` from `trainer.json`; not to be edited._"]
    for name, write in writers.items():
        if name in results["sections"]:
            section = results["sections"][name]
            parts += [*write(section), _conditions(section, _HOW[name])]
    parts += ["## Who is measured", _PEERS]
    return "\n\n".join(parts) + "\n"


def _conditions(section: Row, how: str) -> str:
    lines = conditions(section, how)
    lines.append(f"- Threads of torch: {section['threads']}; on the CPU, float32")
    if "load" in section:
        lines.append(f"- Load of the machine in the minute before: {section['load']:.1f}, which should be near 0")
    if section["quick"]:
        lines.append("- **A tiny model, to try the benchmark: these figures say nothing.**")
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
    share, verdict = section["around_share"], "within" if section["around_share"] <= _BAR else "**above**"
    return [
        "## What the loop costs",
        "A real run, not compiled, told of **at every step**, the most often there is (by default it is every tenth), "
        "on an output that is no terminal. Whenever it asks for a batch, the plain loop takes a step on that batch "
        "first; after the last step both models have the same weights, bit for bit. Medians.",
        table(
            ["loop", "ms a step", "relative to plain"],
            [
                ["**ours**, all that a step has", f"{1e3 * section['seconds']:,.1f}", f"{section['ratio']:.3f}×"],
                ["plain", f"{1e3 * section['plain_seconds']:,.1f}", "1.000×"],
            ],
        ),
        f"The ratio is that of the medians; half of the ratios of neighbouring steps lie from {low:.3f} to {high:.3f}. "
        f"What this machine's noise alone makes: every other step of the plain loop against those between, "
        f"{section['plain_over_itself']:.3f}×.",
        f"Timed one by one, all that is neither gradients nor update takes **{1e3 * section['around_seconds']:.2f} ms, "
        f"{100 * share:.3f} %** of a step (at most {1e3 * section['most_around_seconds']:.2f} ms in a step), {verdict} "
        f"the {100 * _BAR:.0f} % that are allowed:",
        table(["part of our step", "ms", "of the step"], lines),
    ]


def _loader(section: Row) -> list[str]:
    head = ["loader", "order", "tokens/s", "µs a batch", "ours (random) over it", "first batch, s"]
    lines = [
        _line(row, len(head))
        or [
            _name(row),
            row["mode"],
            f"{row['tokens_per_second']:,.0f}",
            f"{1e6 * row['seconds']:,.0f}",
            _times(row, "speed_over_reference"),
            f"{row['first_seconds']:.3f}",
        ]
        for row in section["rows"]
    ]
    return [
        "## Loading batches",
        f"Batches of {section['batch_tokens']:,} tokens, int64 inputs and targets in the memory of the CPU, cut out "
        f"of a file of {section['tokens']:,} uint16 ids that is in the page cache; {section['batches']:,} batches a "
        "turn. **Two files**: halves of that size, weighted 0.7 and 0.3. **Ours over it**: how many times as fast as "
        "the line ours in random order is, the median of the ratios within a round. **First batch**: from nothing to "
        "the first batch; ours looks at every id of the file, once.",
        table(head, lines),
    ]


def _checkpoints(section: Row) -> list[str]:
    head = ["way", "mode", "MB", "on disk, s", "ours over it", "training waits, s", "the first time, s"]
    head += ["load, s", "ours loads over it"]
    lines = [
        _line(row, len(head))
        or [
            _name(row),
            row["mode"],
            f"{row['bytes'] / 1e6:,.0f}",
            f"{row['seconds']:.3f}",
            _times(row, "speed_over_reference"),
            f"{row['stall_seconds']:.3f}",
            f"{row['first_turn']['stall_seconds']:.3f}",
            f"{row['load_seconds']:.3f}",
            _times(row, "load_speed_over_reference"),
        ]
        for row in section["rows"]
    ]
    return [
        "## Saving and loading",
        "The model and the moments of AdamW. **On disk**: from the call until all is synced. Ours also hashes every "
        "file (SHA-256), writes beside the place, syncs files and folders and renames; the others write where the "
        "file is to be. **Training waits** until the call returns; **the first time** a copy has to get its memory. "
        "**Load**: files in the page cache into a model and an optimizer that are there, after which both are as "
        "they were; ours verifies sizes, hashes, names, shapes and that all numbers are finite. **Ours over it**: how "
        "many times as fast ours in the foreground is, the median of the ratios within a round.",
        table(head, lines),
    ]


def _line(row: Row, width: int) -> list[str]:
    """Return the line of one that failed, or nothing."""
    if "failed" not in row:
        return []
    return [_name(row), row["mode"], *["–"] * (width - 3), f"failed: {row['failed'].replace('|', '/')}"]


def _name(row: Row) -> str:
    return f"**{row['library']}**" if row["library"] == "ours" else row["library"]


def _times(row: Row, key: str) -> str:
    """Return how many times as fast the reference is."""
    return f"{1 / row[key]:.2f}×" if key in row else "–"
