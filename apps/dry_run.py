"""What a run would be, without training: shapes, costs, data, and the time that a step takes here."""

import time

import torch

from nn import TransformerLM
from nn.accounting import count_parameters, training_flops, training_memory
from trainer import TrainConfig, TrainingData, choose_device
from trainer.fingerprint import fingerprint_file


def print_dry_run(config: TrainConfig, data: TrainingData | None) -> None:
    """Print it, after computing the gradient of one part of a batch.

    Args:
        config: the run.
        data: its token files, if they are there already; text is not encoded for this.
    """
    model, training = config.model, config.training
    part = training.batch_size // training.gradient_accumulation
    flops = training_flops(model, training.batch_size).total
    tokens = training.batch_size * model.context_length
    print(f"parameters: {count_parameters(model).total:,}")
    print(f"batch: {training.batch_size} × {model.context_length} = {tokens:,} tokens, {part} sequences at once")
    print(f"tokens: {training.steps * tokens:,} in {training.steps:,} steps")
    print(f"FLOPs: {flops:.4g} a step, {training.steps * flops:.4g} in all")
    peak = training_memory(model, part, optimizer=config.optimizer.name).peak
    print(f"memory: about {peak.total / 1e6:,.0f} MB for a step in float32, not compiled")
    seconds = training.gradient_accumulation * _seconds_of_a_part(config, part)
    print(f"time: {seconds:.3g} s a step as measured here without compiling, {_hours(training.steps * seconds)} in all")
    for file in () if data is None else (*data.train_files, data.valid_file):
        known = fingerprint_file(file)
        print(f"data: {file.path}, {len(file.tokens):,} tokens, {known.method} {known.digest}")
    if data is None:
        print("data: text, or tokens that the run has yet to open")


def _seconds_of_a_part(config: TrainConfig, part: int) -> float:
    """Return the time of one forward and backward pass, the second one, since the first is slower."""
    device = choose_device(config.run.device)
    model = TransformerLM(config.model, generator=torch.Generator().manual_seed(config.run.seed)).to(device)
    ids = torch.randint(config.model.vocab_size, (part, config.model.context_length), device=device)
    for _ in range(2):
        started = time.perf_counter()
        model.loss(ids, ids).backward()  # type: ignore[no-untyped-call]
        if device.type != "cpu":
            torch.accelerator.synchronize()
    return time.perf_counter() - started


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
