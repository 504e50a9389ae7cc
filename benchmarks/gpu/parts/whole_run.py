"""The base model in the reference run of TinyStories: 500 steps, from which the whole run is projected."""

import shutil
import time

from benchmarks.common.workers import ROOT
from benchmarks.gpu.request import Request, Rows
from benchmarks.gpu.token_text import token_data, vocabulary
from benchmarks.gpu.training_rows import utilization
from nn.accounting import training_flops
from text_config import TextRunConfig
from trainer import RunDirectory, open_data, parse_config, read_metrics, train

_STEPS = 500
"""As many as between two evaluations: a whole run consists of twenty such pieces."""
_TINY = (
    *("--model.vocab_size=4096", "--model.context_length=32", "--model.d_model=32", "--model.num_layers=1"),
    *("--model.num_heads=2", "--training.batch_size=4", "--training.eval_batches=2", "--training.compile=off"),
)


def measure(request: Request) -> Rows:
    """Train, and project: the time to the first step, and the rest as often as the whole run has pieces.

    The time begins with the call of `train`; importing the libraries is not part of it. Each piece ends with an
    evaluation and a checkpoint, although a whole run saves only every other time.
    """
    data, folder = token_data(request), request.scratch / "run"
    file = ROOT / "configs" / "reference" / "tinystories.yaml"
    whole, _ = parse_config(TextRunConfig, [], files=[file])
    steps = 4 if request.tiny else _STEPS
    options = [f"--training.steps={steps}", f"--run.device={request.device}", f"--run.directory={folder}"]
    options += [f"--data.train_tokens={data.train_tokens}", f"--data.valid_tokens={data.valid_tokens}"]
    options += _TINY if request.tiny else [f"--model.vocab_size={vocabulary(data, whole.model.vocab_size)}"]
    config, _ = parse_config(TextRunConfig, options, files=[file])
    shutil.rmtree(folder, ignore_errors=True)
    started = time.perf_counter()
    folder.mkdir(parents=True)
    result = train(config, RunDirectory(folder), open_data(config.data, config.model))
    seconds = time.perf_counter() - started
    entries = [entry for entry in read_metrics(folder / "metrics.jsonl") if "train_loss" in entry]
    first, last = entries[0]["seconds"], entries[-1]["seconds"]
    start, rest = seconds - result.seconds + first, result.seconds - first
    step = (last - first) / (steps - 1)
    tokens = config.training.batch_size * config.model.context_length
    yield {
        "case": "run",
        "projected_seconds": start + rest * (whole.training.steps - 1) / (steps - 1),
        "start_seconds": start,
        "step_ms": 1e3 * step,
        "evaluation_and_checkpoint_seconds": result.seconds - last,
        "tokens_per_second": tokens / step,
        **utilization(training_flops(config.model).total / config.model.context_length * tokens / step, request.device),
        "measured_steps": steps,
        "vocabulary": config.model.vocab_size,
    }
