"""The page of the model's results: Markdown made of the JSON alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markdown import conditions, table

Row = dict[str, Any]
_HOW = (
    "rounds: {}, in each of which all have their turns, every other one backwards; a fresh process for each line, "
    "kept for all rounds on a CPU"
)
_DEVICES = {"cpu": "CPU, float32", "cuda": "GPU, bfloat16"}
_PEERS = """- **ours**: `nn.TransformerLM` with the back end `fused`, `model.loss`, `optim.clip_grad_norm` and
  `optim.AdamW`, compiled where the mode says so; `nn.generate` in each of its modes: `eager` is `compile="off"`,
  `compiled` is `compile="on"`, and `record` needs no compiler.
- **plain**: a model written for this benchmark out of `torch.nn` layers, `F.scaled_dot_product_attention` and
  `F.cross_entropy`, with `torch.optim.AdamW(fused=True)` and `torch.nn.utils.clip_grad_norm_`; decoding with a cache of
  fixed size.
- **transformers**: `LlamaForCausalLM` with `sdpa`, the same optimizer and clipping; its own `generate`, with its
  dynamic cache, or compiled with its static one."""


def page(results: dict[str, Any]) -> str:
    """Return the whole page: each section that has been measured, with what it was measured on."""
    writers: Mapping[str, Callable[[Row], list[str]]] = {
        "train": _train,
        "generate": _generate,
        "loss": _loss,
        "optimizer": _optimizer,
        "attention": _attention,
    }
    parts = ["# Model benchmarks", "_Made by `benchmarks/model.py` from `model.json`; not to be edited._"]
    for name, write in writers.items():
        if name in results["sections"]:
            section = results["sections"][name]
            parts += [*write(section["rows"]), _conditions(section)]
    parts += ["## Who is measured", _PEERS]
    return "\n\n".join(parts) + "\n"


def _conditions(section: Row) -> str:
    lines = conditions(section, _HOW)
    lines.append(f"- Threads of torch: {section['threads']}")
    lines.append(f"- GPU: {section['gpu'] or 'none, so that nothing is told of one'}")
    if section["quick"]:
        lines.append("- **Tiny models, to try the benchmark: these figures say nothing.**")
    for shape in section["shapes"]:
        batch = ", ".join(f"{count} ({device})" for device, count in shape["batch"].items())
        lines.append(
            f"- `{shape['name']}`: {shape['parameters']:,} parameters; {shape['layers']} layers, d_model "
            f"{shape['d_model']}, d_ff {shape['d_ff']}, {shape['heads']} heads, vocabulary {shape['vocab_size']:,}"
            f"{' (head tied to the embedding)' if shape['tied'] else ''}; a batch has {batch} sequences of "
            f"{shape['context']:,} tokens; {shape['training_flops_per_token'] / 1e6:,.1f} MFLOP a token in training"
        )
    return "\n".join(lines)


def _groups(rows: Sequence[Row], *keys: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Return the rows that have the same values of the keys, in their order."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(groups.items())


def _train(rows: Row) -> list[str]:
    parts = [
        "## Training step",
        "Forward, loss, backward, clipping, AdamW. **MFU** is the share of the machine's best matrix product, measured "
        "in the same round, that the step's arithmetic makes use of: three times the forward pass, each matrix "
        "product m×k by k×n counted as 2mnk, scores in full. **Ours** is how many times as fast ours is in the same "
        "mode, the median of the ratios within a round. **Memory** is the most that is held in the timed steps, beyond "
        "what the process held before the model was made. **First step** is the difference from ours of its loss and "
        "its gradient norm.",
    ]
    head = ["library", "mode", "ms", "tokens/s", "MFU", "ours", "memory, MB", "first step"]
    for (device, shape), chosen in _groups(rows["rows"], "device", "shape"):
        lines = [_line(row, _train_cells, len(head)) for row in chosen]
        parts += [f"### `{shape}`, {_DEVICES[device]}: {chosen[0]['tokens']:,} tokens a step", table(head, lines)]
        best = [row["matmul_flops_per_second"] for row in chosen if "matmul_flops_per_second" in row]
        parts += [f"Best matrix product: {max(best) / 1e9:,.0f} GFLOP/s."] if best else []
    return [*parts, *_agreement(rows["agreement"])]


def _train_cells(row: Row) -> list[str]:
    return [
        f"{1e3 * row['seconds']:,.1f}",
        f"{row['tokens_per_second']:,.0f}",
        f"{100 * row['mfu']:.1f} %",
        _ours_over(row),
        _megabytes(row),
        _small(row.get("first_step_differs_by")),
    ]


def _ours_over(row: Row) -> str:
    """Return how many times as fast ours, the reference, is."""
    if row["library"] == "ours" or "speed_over_reference" not in row:
        return "–"
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
    said = "By how much the peers differ from ours with the same weights, in float32, before anything is timed:"
    return [said, table(head, lines)] if lines else []


def _generate(rows: Row) -> list[str]:
    parts = [
        "## Greedy decoding of one sequence",
        "**Tokens/s** counts all from the call to the last id; **step** is the median time from one id to the next, "
        "and **first** the time to the first, which reads the prompt. **Speed** and **step speed** are relative to the "
        "first of `transformers` in the table. Uncached is timed where the text is longest: prompt and all new ids.",
    ]
    head = ["library", "mode", "tokens/s", "speed", "step, ms", "step speed", "first, ms", "memory, MB", "ids"]
    for (device, shape), chosen in _groups(rows["rows"], "device", "shape"):
        sizes = f"prompt of {chosen[0]['prompt']}, {chosen[0]['new']} new ids"
        lines = [_line(row, _generate_cells, len(head)) for row in chosen]
        parts += [f"### `{shape}`, {_DEVICES[device]}: {sizes}", table(head, lines)]
    return [*parts, *_agreement(rows["agreement"])]


def _generate_cells(row: Row) -> list[str]:
    return [
        f"{row['tokens_per_second']:,.1f}",
        _speed(row),
        f"{1e3 * row['step_seconds']:.2f}",
        f"{row['step_speed_over_reference']:.2f}×" if "step_speed_over_reference" in row else "–",
        f"{1e3 * row['first_seconds']:.1f}",
        _megabytes(row),
        row["ids"] if row["ids"] == "equal" else f"**{row['ids']}**",
    ]


def _loss(rows: Row) -> list[str]:
    parts = [
        f"## LM head and cross-entropy, forward and backward: a batch of `{rows['shape']}`",
        "From hidden states to the gradients of hidden states and weights. **Memory** counts both and their gradients. "
        "**Speed** is relative to torch with all logits at once, in the same mode.",
    ]
    return parts + _parts_tables(rows["rows"], "device", titles=lambda device: _DEVICES[device])


def _optimizer(rows: Row) -> list[str]:
    parts = [
        f"## Optimizer: an update of `{rows['shape']}`",
        "AdamW on all parameters, Muon on the matrices of the blocks. **Speed** is relative to torch's first in the "
        "table; **differs** is by how much the changes of the parameters after three updates differ from its changes.",
    ]
    names = {"adamw": "AdamW", "muon": "Muon"}
    return parts + _parts_tables(
        rows["rows"], "device", "rule", titles=lambda device, rule: f"{names[rule]}, {_DEVICES[device]}"
    )


def _attention(rows: Row) -> list[str]:
    parts = [
        "## Attention layer by back end, forward and backward",
        "`nn.CausalMultiHeadSelfAttention` with its projections, on a batch of the shape. **Speed** is relative to the "
        "hand-written `einx` in the same mode.",
    ]

    def title(device: str, shape: str, window: int | None) -> str:
        return f"`{shape}`, {'all positions' if window is None else f'window of {window}'}, {_DEVICES[device]}"

    return parts + _parts_tables(rows["rows"], "device", "shape", "window", titles=title)


def _parts_tables(rows: Sequence[Row], *keys: str, titles: Callable[..., str]) -> list[str]:
    head = ["library", "mode", "ms", "speed", "memory, MB", "differs"]
    parts = []
    for values, chosen in _groups(rows, *keys):
        parts += [f"### {titles(*values)}", table(head, [_line(row, _part_cells, len(head)) for row in chosen])]
    return parts


def _part_cells(row: Row) -> list[str]:
    return [f"{1e3 * row['seconds']:,.2f}", _speed(row), _megabytes(row), _small(row.get("differs_by"))]


def _line(row: Row, cells: Callable[[Row], list[str]], width: int) -> list[str]:
    """Return a row of a table, or of dashes and the reason where it failed."""
    name = f"**{row['library']}**" if row["library"].startswith("ours") else row["library"]
    mode = row.get("mode", "eager")
    if "failed" in row:
        return [name, mode, *["–"] * (width - 3), f"failed: {row['failed'].replace('|', '/')}"]
    return [name, mode, *cells(row)]


def _speed(row: Row) -> str:
    return f"{row['speed_over_reference']:.2f}×" if "speed_over_reference" in row else "–"


def _megabytes(row: Row) -> str:
    return f"{row['peak_bytes'] / 1e6:,.0f}"


def _small(value: float | None) -> str:
    return "–" if value is None else f"{value:.0e}" if value else "0"
