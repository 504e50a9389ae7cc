"""The training loop."""

import dataclasses
import json
import math
import time
from dataclasses import dataclass

import torch
from torch.optim import Optimizer

from nn import TransformerLM
from optim import describe_groups
from trainer.checkpoint import load_checkpoint, save_checkpoint
from trainer.command_line import save_config
from trainer.compilation import LossFunction, make_loss_function, training_flops, why_not_compiled
from trainer.config import TrainConfig
from trainer.data import TrainingData, evaluation_batches
from trainer.devices import choose_device, device_name
from trainer.evaluation import evaluate, perplexity
from trainer.reporting import ConsoleAndLog, MetricsFile, Reporter, Reporters, WeightsAndBiases, read_metrics
from trainer.run_directory import RunDirectory, write_environment
from trainer.step import group_parameters, learning_rate, make_optimizer, train_step


class DivergedError(ValueError):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended."""

    model: TransformerLM
    """The trained model, on the run's device."""
    steps: int
    """Updates in all."""
    valid_loss: float
    """Validation loss at the end."""
    seconds: float
    """Time in the loop, over all sessions of the run."""


@dataclass(frozen=True)
class _Session:
    """What the loop works on from its first step to its last."""

    config: TrainConfig
    run: RunDirectory
    device: torch.device
    model: TransformerLM
    loss_function: LossFunction
    optimizer: Optimizer
    data: TrainingData
    reporter: Reporters
    first_step: int
    earlier_seconds: float
    started: float

    def seconds(self) -> float:
        """Return the time spent in the loop, earlier sessions included."""
        return self.earlier_seconds + time.perf_counter() - self.started


def train(config: TrainConfig, run: RunDirectory, data: TrainingData, *, resume: bool = False) -> TrainingResult:
    """Train a language model, into the folder of a run, where the configuration is saved first of all.

    The weights start from `run.seed`, and the batch of each step follows from the seed and the step, so that
    training for N steps gives the same weights, bit for bit on a CPU, as stopping at k and resuming.

    Args:
        config: the run.
        run: its folder, which exists.
        data: what `open_data` returned for the configuration.
        resume: go on from the latest checkpoint of the folder.

    Raises:
        ValueError: the device or the checkpoint cannot be used, or the loss is no longer a number.
        OSError: something cannot be read or written.
    """
    device = choose_device(config.run.device)
    # Drawn on the CPU, so that a seed means the same weights on every device.
    model = TransformerLM(config.model, generator=torch.Generator().manual_seed(config.run.seed)).to(device)
    why_not = why_not_compiled(config.training.compile, device, training_flops(config, model.num_parameters()))
    compiled = why_not is None
    optimizer = make_optimizer(config.optimizer, model, compiled=compiled and device.type == "cpu")
    first_step = _resume(run, model, optimizer) if resume else 0
    if not resume and run.checkpoints.exists():
        raise ValueError(f"{run.path} has been trained already: resume it, or take another folder")
    # From here on the folder changes: a checkpoint that does not fit has been refused.
    save_config(config, run.config)
    run.remove_unfinished_checkpoints()
    write_environment(run, device)
    earlier_seconds = _forget_metrics_after(run, first_step)
    with Reporters(_make_reporters(config, run, first_step)) as reporter:
        reporter.message(
            f"{model.num_parameters():,} parameters ({model.num_parameters(embedding=False):,} without the embedding) "
            f"on {device_name(device)}; {data.num_train_tokens:,} tokens to train on, "
            f"{len(data.valid):,} to evaluate on"
        )
        if config.optimizer.name != "sgd":
            reporter.message(describe_groups(group_parameters(config.optimizer, model)))
        reporter.message("the first step compiles" if compiled else f"not compiled: {why_not}")
        if resume:
            reporter.message(f"resuming after step {first_step}")
        started = time.perf_counter()
        loss_function = make_loss_function(model, compiled=compiled)
        session = _Session(
            config, run, device, model, loss_function, optimizer, data, reporter, first_step, earlier_seconds, started
        )
        valid_loss = _loop(session)
        return TrainingResult(model, max(first_step, config.training.steps), valid_loss, session.seconds())


def _resume(run: RunDirectory, model: TransformerLM, optimizer: Optimizer) -> int:
    """Load the latest checkpoint; the optimizer's settings stay those of the configuration."""
    settings = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    step = load_checkpoint(run.latest_checkpoint(), model, optimizer)
    for group, configured in zip(optimizer.param_groups, settings, strict=True):
        group.update(configured)
    return step


def _make_reporters(config: TrainConfig, run: RunDirectory, first_step: int) -> list[Reporter]:
    reporters: list[Reporter] = []
    if config.wandb.mode != "disabled":  # first, since it can fail, and the console must not be left with half a bar
        reporters.append(WeightsAndBiases(config.wandb, run.path, dataclasses.asdict(config)))
    return [*reporters, MetricsFile(run.metrics), ConsoleAndLog(run.log, first_step, config.training.steps)]


def _loop(session: _Session) -> float:
    """Run all steps that are left, and return the last validation loss."""
    settings, model_config = session.config.training, session.config.model
    valid_loss = math.nan
    if session.first_step >= settings.steps:  # nothing is left to do: say where the run stands
        session.reporter.message(f"nothing left to do: step {session.first_step} of {settings.steps} is done")
        return _validation_loss(session, session.first_step)
    batches = session.data.batches(
        seed=session.config.run.seed, batch_size=settings.batch_size, context_length=model_config.context_length
    )
    since, steps_since = time.perf_counter(), 0
    for step in range(session.first_step + 1, settings.steps + 1):
        inputs, targets = (ids.to(session.device) for ids in batches.rows(step))
        rate = learning_rate(session.config.schedule, step, settings.steps)
        loss, norm = train_step(
            session.model,
            session.optimizer,
            inputs,
            targets,
            learning_rate=rate,
            gradient_accumulation=settings.gradient_accumulation,
            max_grad_norm=settings.max_grad_norm,
            loss_function=session.loss_function,
        )
        steps_since += 1
        last = step == settings.steps
        log_now = step % settings.log_interval == 0 or step == 1 or last
        evaluate_now = step % settings.eval_interval == 0 or last
        save_now = step % settings.checkpoint_interval == 0 or last
        if not (log_now or evaluate_now or save_now):
            continue  # without waiting for the device
        _refuse_divergence(session, step, {"training loss": loss.item(), "gradient norm": norm.item()})
        if log_now:
            speed = steps_since / (time.perf_counter() - since)
            _report_step(session, step, loss.item(), norm.item(), rate, speed)
            since, steps_since = time.perf_counter(), 0
        before = time.perf_counter()
        if evaluate_now:
            valid_loss = _evaluate(session, step)
        if save_now:
            _save(session, step)
        since += time.perf_counter() - before  # evaluation and checkpoints do not count as training speed
    return valid_loss


def _report_step(session: _Session, step: int, loss: float, norm: float, rate: float, steps_per_second: float) -> None:
    tokens_per_step = session.config.training.batch_size * session.config.model.context_length
    session.reporter.metrics(
        step,
        {
            "tokens": step * tokens_per_step,
            "seconds": session.seconds(),
            "train_loss": loss,
            "train_perplexity": perplexity(loss),
            "learning_rate": rate,
            "grad_norm": norm,
            "tokens_per_second": steps_per_second * tokens_per_step,
        },
    )


def _validation_loss(session: _Session, step: int) -> float:
    settings = session.config.training
    num_windows = None if settings.eval_batches is None else settings.eval_batches * settings.batch_size
    at_once = settings.batch_size // settings.gradient_accumulation  # what fits into memory in training fits here
    batches = evaluation_batches(
        session.data.valid, at_once, session.config.model.context_length, num_windows, session.device
    )
    loss = evaluate(session.model, batches)
    _refuse_divergence(session, step, {"validation loss": loss})
    return loss


def _evaluate(session: _Session, step: int) -> float:
    loss = _validation_loss(session, step)
    seconds = session.seconds()
    session.reporter.metrics(step, {"seconds": seconds, "valid_loss": loss, "valid_perplexity": perplexity(loss)})
    session.reporter.message(
        f"step {step}: validation loss {loss:.4f}, perplexity {perplexity(loss):.2f}, after {seconds:.0f} s"
    )
    return loss


def _save(session: _Session, step: int) -> None:
    save_checkpoint(session.model, session.optimizer, step, session.run.checkpoint(step))


def _refuse_divergence(session: _Session, step: int, figures: dict[str, float]) -> None:
    """Stop before anything is reported or saved that is no number: a checkpoint of it would be worth nothing."""
    for name, value in figures.items():
        if not math.isfinite(value):
            raise DivergedError(
                f"the {name} is {value} at step {step}, so the run has diverged: "
                f"lower schedule.max_lr (it is {session.config.schedule.max_lr}) or training.max_grad_norm"
            )


def _forget_metrics_after(run: RunDirectory, step: int) -> float:
    """Drop the entries after a checkpoint, which will come again; return the seconds spent until then."""
    kept = [entry for entry in read_metrics(run.metrics) if entry["step"] <= step]
    if run.metrics.exists():
        temporary = run.metrics.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(entry) + "\n" for entry in kept), "utf-8")
        temporary.replace(run.metrics)
    return max((entry.get("seconds", 0.0) for entry in kept), default=0.0)
