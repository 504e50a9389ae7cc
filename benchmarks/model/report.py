"""The page of the model's results, made from the JSON alone."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.common.markdown import (
    NOT_MEASURED,
    conditions,
    failed_cells,
    library_name,
    megabytes,
    table,
    write_page,
)

Row = dict[str, Any]
_HOW = (
    "rounds: {}; in each round every case is measured once, in reverse order in every other round; a process for each "
    "line, on a CPU kept for all rounds"
)
_DEVICES = {"cpu": "CPU, float32", "cuda": "GPU, bfloat16"}
_IMPLEMENTATIONS = """- **ours**: what a run uses, with all settings but the shape as by default: model, loss and
  optimizer of `trainer.build_train_state`, with `training.compile` on in the compiled mode, and `trainer.train_step`;
  `nn.generate_batch` in each of its modes: `eager` is `compile="off"`, `compiled` is `compile="on"`, `record` needs no
  compiler; on a GPU also `graph`, a CUDA graph, and `default`, which is what it chooses if nothing is asked for.
- **plain**: a model written for this benchmark with the layers of `torch.nn`, `F.scaled_dot_product_attention` and
  `F.cross_entropy`, trained with `torch.optim.AdamW(fused=True)` and `torch.nn.utils.clip_grad_norm_`; decoding with a
  cache of fixed size.
- **transformers**: `LlamaForCausalLM` with `sdpa`, the same optimizer and clipping; its own `generate` with its
  dynamic cache, or compiled with its static cache.
- **nanochat-style** (on a GPU): a model written for this benchmark from the description of nanochat: ReLU² instead of
  SwiGLU, at equal arithmetic; queries and keys normalized; RMSNorm without gains; a head of its own with a soft cap;
  the embedding in bfloat16; the same optimizer and clipping as plain."""


def page(results: dict[str, Any]) -> str:
    """Return the page: each section that has been measured, and how it was measured."""
    writers = {
        "train": _train,
        "generate": _generate,
        "loss": _loss,
        "optimizer": _optimizer,
        "attention": _attention,
    }
    return write_page("model", results, writers, "## Implementations", _IMPLEMENTATIONS)


def _conditions(section: Row) -> str:
    lines = conditions(section, _HOW)
    lines.append(f"- Threads of torch: {section['threads']}")
    lines.append(f"- GPU: {section['gpu'] or 'none; nothing was measured on one'}")
    if section["quick"]:
        lines.append("- **Tiny models, to test the benchmark: these results mean nothing.**")
    for shape in section["shapes"]:
        batch = ", ".join(f"{count} ({device})" for device, count in shape["batch"].items())
        lines.append(
            f"- `{shape['name']}`: {shape['parameters']:,} parameters; {shape['layers']} layers, d_model "
            f"{shape['d_model']}, d_ff {shape['d_ff']}, {shape['heads']} heads, vocabulary {shape['vocab_size']:,}"
            f"{' (head tied to the embedding)' if shape['tied'] else ''}; a batch has {batch} sequences of "
            f"{shape['context']:,} tokens; {shape['training_flops_per_token'] / 1e6:,.1f} MFLOP per token in training"
        )
    return "\n".join(lines)


def _groups(rows: Sequence[Row], *keys: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Group rows by their values of some keys, in the order of the rows."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(groups.items())


def _train(section: Row) -> list[str]:
    rows = section["rows"]
    parts = [
        "## Training step",
        "Forward, loss, backward, clipping, AdamW. **MFU** is the arithmetic of the step as a share of the speed of "
        "the machine's best matrix product, measured in the same round; the arithmetic is three times the forward "
        "pass, with 2mnk for each matrix product m×k by k×n, and attention scores counted in full; **MFU, datasheet** "
        "is its share of the speed that the datasheet of a GPU states. **Ours** is how "
        "many times as fast ours is in the same mode, the median of the ratios of the same round. **Memory** is the "
        "peak during the timed steps, minus the memory of the process before the model was built. **First step** is "
        "the relative difference of its loss and gradient norm from ours.",
    ]
    for (device, shape), chosen in _groups(rows["rows"], "device", "shape"):
        head = ["library", "mode", "ms", "tokens/s", "MFU", "ours", "memory, MB", "first step"]
        if any("datasheet_mfu" in row for row in chosen):
            head.insert(5, "MFU, datasheet")
        lines = [_line(row, partial(_train_cells, datasheet=len(head) > 8), len(head)) for row in chosen]
        parts += [f"### `{shape}`, {_DEVICES[device]}: {chosen[0]['tokens']:,} tokens per step", table(head, lines)]
        best = [row["matmul_flops_per_second"] for row in chosen if "matmul_flops_per_second" in row]
        parts += [f"Best matrix product: {max(best) / 1e9:,.0f} GFLOP/s."] if best else []
        parts += _first_steps([row for row in chosen if "first_steps" in row])
        parts += [
            f"{row['library']} is another model, of equal arithmetic per token and {row['parameters']:,} parameters: "
            "its speed is compared, not its results."
            for row in chosen
            if "parameters" in row
        ][:1]
    return [*parts, *_agreement(rows["agreement"]), _conditions(section)]


def _first_steps(rows: Sequence[Row]) -> list[str]:
    """Return the table of the first steps of processes, if they were measured."""
    if not rows:
        return []
    text = (
        "Seconds from the start of a process to the end of its first training step, with an **empty** compile cache, "
        "and with the one that it left (**warm**). **Build** is the part that goes into model and optimizer, **step** "
        "that of the step itself, in which everything is compiled; the rest is importing the libraries."
    )
    head = ["library", "mode", "empty, s", "build, s", "step, s", "warm, s", "build, s", "step, s"]
    lines = [_line({**row, **row["first_steps"]}, _first_step_cells, len(head)) for row in rows]
    return [text, table(head, lines)]


def _first_step_cells(row: Row) -> list[str]:
    return [f"{row[cache][part]:.1f}" for cache in ("empty", "warm") for part in ("seconds", "build", "step")]


def _train_cells(row: Row, *, datasheet: bool) -> list[str]:
    of_datasheet = f"{100 * row['datasheet_mfu']:.1f} %" if "datasheet_mfu" in row else NOT_MEASURED
    return [
        f"{1e3 * row['seconds']:,.1f}",
        f"{row['tokens_per_second']:,.0f}",
        f"{100 * row['mfu']:.1f} %",
        *([of_datasheet] if datasheet else []),
        _ours_over(row),
        megabytes(row),
        _small(row.get("first_step_differs_by")),
    ]


def _ours_over(row: Row) -> str:
    """Return how many times as fast ours, the reference, is."""
    if row["library"] == "ours" or "speed_over_reference" not in row:
        return NOT_MEASURED
    return f"{1 / row['speed_over_reference']:.3f}×"


def _agreement(rows: Sequence[Row]) -> list[str]:
    head = ["library", "shape", "device", "logits", "loss", "gradients", "greedy ids"]
    lines = [
        [
            row["library"],
            f"`{row['shape']}`",
            row["device"],
            *(_small(row[what]) for what in ("logits", "loss", "gradients")),
            "equal" if row["ids"] else "**different**",
        ]
        for row in rows
    ]
    text = "Relative differences of the peers from ours with the same weights, in float32, checked before timing:"
    return [text, table(head, lines)] if lines else []


def _generate(section: Row) -> list[str]:
    rows = section["rows"]
    parts = [
        "## Greedy decoding",
        "**Tokens/s** counts the ids of all sequences, and the time from the call to the last id; **step** is the "
        "median time from one id of a sequence to its next, and **first** the time to the first id, which includes "
        "reading the prompt. **Speed** and **step speed** are relative to the first line of `transformers`. Without a "
        "cache (`uncached`), the last ids are timed, for which the text is longest.",
    ]
    head = ["library", "mode", "tokens/s", "speed", "step, ms", "step speed", "first, ms", "memory, MB", "ids"]
    known = [{"sequences": 1, **row} for row in rows["rows"]]  # older results are all of one sequence
    for (device, shape, sequences), chosen in _groups(known, "device", "shape", "sequences"):
        sizes = f"prompt of {chosen[0]['prompt']}, {chosen[0]['new']} new ids"
        sizes = sizes if sequences == 1 else f"{sequences} sequences at once, {sizes}"
        lines = [_line(row, _generate_cells, len(head)) for row in chosen]
        parts += [f"### `{shape}`, {_DEVICES[device]}: {sizes}", table(head, lines)]
    return [*parts, *_agreement(rows["agreement"]), _conditions(section)]


def _generate_cells(row: Row) -> list[str]:
    return [
        f"{row['tokens_per_second']:,.1f}",
        _times(row, "speed_over_reference"),
        f"{1e3 * row['step_seconds']:.2f}",
        _times(row, "step_speed_over_reference"),
        f"{1e3 * row['first_seconds']:.1f}",
        megabytes(row),
        row["ids"] if row["ids"] == "equal" else f"**{row['ids']}**",
    ]


def _loss(section: Row) -> list[str]:
    rows = section["rows"]
    parts = [
        f"## LM head and cross-entropy, forward and backward: a batch of `{rows['shape']}`",
        "From hidden states to the gradients of hidden states and weights. **Memory** includes both and their "
        "gradients. **Speed** is relative to torch with all logits at once, in the same mode.",
    ]
    tables = _parts_tables(rows["rows"], "device", titles=lambda device: _DEVICES[device])
    return [*parts, *tables, _conditions(section)]


def _optimizer(section: Row) -> list[str]:
    rows = section["rows"]
    parts = [
        f"## Optimizer: an update of `{rows['shape']}`",
        "AdamW on all parameters, Muon on the matrices of the blocks. **Speed** is relative to the first line of "
        "torch, and so is **differs**: the relative difference of the parameters' changes after three updates.",
    ]
    names = {"adamw": "AdamW", "muon": "Muon"}
    tables = _parts_tables(
        rows["rows"], "device", "rule", titles=lambda device, rule: f"{names[rule]}, {_DEVICES[device]}"
    )
    return [*parts, *tables, _conditions(section)]


def _attention(section: Row) -> list[str]:
    parts = [
        "## Attention layer by back end, forward and backward",
        "`nn.CausalMultiHeadSelfAttention` including its projections, on a batch of the shape. **Speed** is relative "
        "to the back end `einx` in the same mode.",
    ]

    def title(device: str, shape: str, window: int | None) -> str:
        return f"`{shape}`, {'all positions' if window is None else f'window of {window}'}, {_DEVICES[device]}"

    tables = _parts_tables(section["rows"]["rows"], "device", "shape", "window", titles=title)
    return [*parts, *tables, _conditions(section)]


def _parts_tables(rows: Sequence[Row], *keys: str, titles: Callable[..., str]) -> list[str]:
    head = ["library", "mode", "ms", "speed", "memory, MB", "differs"]
    parts = []
    for values, chosen in _groups(rows, *keys):
        parts += [f"### {titles(*values)}", table(head, [_line(row, _part_cells, len(head)) for row in chosen])]
    return parts


def _part_cells(row: Row) -> list[str]:
    return [
        f"{1e3 * row['seconds']:,.2f}",
        _times(row, "speed_over_reference"),
        megabytes(row),
        _small(row.get("differs_by")),
    ]


def _line(row: Row, cells: Callable[[Row], list[str]], width: int) -> list[str]:
    """Return the line of a table, with the reason if the case failed."""
    first = [library_name(row), row.get("mode", "eager")]
    return failed_cells(first, row["failed"], width) if "failed" in row else [*first, *cells(row)]


def _times(row: Row, key: str) -> str:
    return f"{row[key]:.2f}×" if key in row else NOT_MEASURED


def _small(value: float | None) -> str:
    if value is None:
        return NOT_MEASURED
    return f"{value:.0e}" if value else "0"
