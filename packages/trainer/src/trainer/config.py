"""The configuration of a run: frozen dataclasses, checked when they are constructed.

All settings are in this one file, though it is long, so that they can be read side by side. Each key of a
configuration file is a field here, and its docstring is what `--help` shows.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from nn import ModelConfig
from optim import MuonScale, NewtonSchulzCoefficients, NewtonSchulzPrecision, Segment

ComputePrecision = Literal["auto", "float32", "bfloat16"]
MatmulPrecision = Literal["highest", "high", "medium"]
Parallel = Literal["none", "ddp", "fsdp"]
OptimizerName = Literal["adamw", "muon", "sgd"]
CompileSetting = Literal["auto", "on", "off"]
Float8Setting = Literal["off", "on"]
WandbMode = Literal["disabled", "offline", "online"]
ScheduleAxis = Literal["steps", "time"]
DataOrder = Literal["random", "epoch"]
ScheduleShape = Literal["cosine", "linear", "constant", "wsd", "piecewise"]


@dataclass(frozen=True)
class RunConfig:
    """Where a run is stored, its seed and its device."""

    directory: str = "runs/run"
    """The folder of the run, which the run creates."""
    init_from: str | None = None
    """Start from the weights of a run (its latest checkpoint), a checkpoint, a folder of a Llama model of transformers,
    or a .bin file of llama2.c, with their model and their tokenizer; null: from random weights."""
    seed: int = 0
    """Determines every batch, and the initial weights if they are random."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps; auto: the first accelerator, or the CPU if there is none."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"run.seed is {self.seed}: give 0 or more, below 2**63")


@dataclass(frozen=True)
class DataConfig:
    """Token files, each with a JSON description beside it."""

    train_tokens: tuple[str, ...] | str | None = None
    """Token file or manifest of shards (shards.json) to train on, or a list of several."""
    valid_tokens: str | None = None
    """Token file or manifest of shards to evaluate on."""
    train_weights: tuple[float, ...] = ()
    """Relative share of each training file in the rows; empty: every window is equally likely."""
    order: DataOrder = "random"
    """random: windows from random positions; epoch: every window once per epoch, shuffled."""
    verify_shards: bool = True
    """Whether the shards of a manifest are read and compared with their SHA-256 before a run; sizes always are."""

    def __post_init__(self) -> None:
        _one_of("data.order", self.order, DataOrder)

    @property
    def train_files(self) -> tuple[str, ...]:
        """The training files as a tuple, which is empty if none is given."""
        if self.train_tokens is None:
            return ()
        return (self.train_tokens,) if isinstance(self.train_tokens, str) else tuple(self.train_tokens)


@dataclass(frozen=True)
class OptimizerConfig:
    """The optimizer; its learning rate comes from the schedule."""

    name: OptimizerName = "adamw"
    """adamw; muon: Muon for the matrices of the blocks, AdamW for the rest; sgd: a step size that decays as 1/√t."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay rates of AdamW's two moments."""
    eps: float = 1e-8
    """Added to the root of AdamW's second moment."""
    weight_decay: float = 0.01
    """Decoupled weight decay of AdamW and Muon."""
    cautious_weight_decay: bool = False
    """Whether only weights decay that the update moves towards 0 (Chen et al. 2025, arXiv:2510.12402)."""
    decay_vectors: bool = True
    """Whether weight decay applies to the gains of norms and other vectors, as in the reference runs."""
    momentum: float = 0.95
    """Muon's momentum."""
    momentum_start: float = 0.85
    """Muon's momentum in the first update, from which it rises to momentum (K. Jordan et al. 2024, modded-nanogpt)."""
    momentum_warmup_steps: int = 0
    """Updates in which it rises, linearly; 0: it is the same in all updates."""
    muon_scale: MuonScale = "match_adamw"
    """Scale of Muon's steps: match_adamw suits AdamW's learning rates, original (Jordan et al.) rates of 0.02."""
    muon_lr_factor: float = 1.0
    """Learning rate of Muon as a multiple of the schedule's, which AdamW uses."""
    embedding_lr_factor: float = 1.0
    """Learning rate of AdamW for embeddings, a tied LM head included, as a multiple of the schedule's."""
    head_lr_factor: float = 1.0
    """Learning rate of AdamW for an LM head of its own, as a multiple of the schedule's."""
    scalar_lr_factor: float = 1.0
    """Learning rate of AdamW for gains of norms, weights of mixtures and gates, as a multiple of the schedule's."""
    muon_precision: NewtonSchulzPrecision = "auto"
    """Number format of Muon's Newton–Schulz iterations; auto: bfloat16 where it is fast."""
    muon_second_moment: float | None = None
    """Decay rate of a second moment by which Muon's update is normalized, per row or column (NorMuon, Li et al. 2025,
    arXiv:2510.05491), such as 0.95; null: it is not."""
    muon_coefficients: NewtonSchulzCoefficients = "jordan"
    """Polynomials of these iterations: jordan (the usual ones), polar_express (closer to orthogonal, same cost)."""

    def __post_init__(self) -> None:
        _one_of("optimizer.name", self.name, OptimizerName)
        _one_of("optimizer.muon_scale", self.muon_scale, MuonScale)
        _one_of("optimizer.muon_precision", self.muon_precision, NewtonSchulzPrecision)
        _one_of("optimizer.muon_coefficients", self.muon_coefficients, NewtonSchulzCoefficients)
        for name in ("momentum", "momentum_start"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"optimizer.{name} is {getattr(self, name)}: give a number of at least 0 and below 1")
        if self.muon_second_moment is not None and not 0 <= self.muon_second_moment < 1:
            raise ValueError(
                f"optimizer.muon_second_moment is {self.muon_second_moment}: give a number of at least 0 and below 1, "
                "or null"
            )
        if self.momentum_warmup_steps < 0:
            raise ValueError(f"optimizer.momentum_warmup_steps is {self.momentum_warmup_steps}: give 0 or more")
        factors = ("muon_lr_factor", "embedding_lr_factor", "head_lr_factor", "scalar_lr_factor")
        for name in ("eps", "weight_decay", *factors):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"optimizer.{name} is {getattr(self, name)}: give a number of at least 0")
        if self.eps == 0:
            raise ValueError(f"optimizer.eps is {self.eps}: give a number above 0, such as 1e-8")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"optimizer.betas is {self.betas}: give two numbers of at least 0 and below 1")


@dataclass(frozen=True)
class ScheduleConfig:
    """The learning rate of updates 1, 2, …, training.steps."""

    shape: ScheduleShape = "cosine"
    """After the warm-up: cosine, linear, constant, wsd (stable, then linear decay); or piecewise, from segments."""
    max_lr: float = 1e-3
    """Learning rate after the warm-up."""
    min_lr: float = 0.0
    """Learning rate at the end of the decay."""
    warmup_fraction: float = 0.01
    """Share of the run in which the rate rises linearly from 0 to max_lr."""
    decay_fraction: float = 0.2
    """Share of the run, at its end, in which a wsd schedule decays."""
    segments: tuple[Segment, ...] = ()
    """Only for shape piecewise: until which step, to which rate, in which shape."""
    by: ScheduleAxis = "steps"
    """steps: the schedule ends at training.steps; time: when training.max_seconds leave no time for another step."""

    def __post_init__(self) -> None:
        _one_of("schedule.shape", self.shape, ScheduleShape)
        _one_of("schedule.by", self.by, ScheduleAxis)
        if self.by == "time" and self.shape == "piecewise":
            raise ValueError(
                "schedule.by = time does not work with schedule.shape = piecewise, whose segments end at steps: "
                "give schedule.by = steps"
            )
        for name in ("max_lr", "min_lr"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"schedule.{name} is {getattr(self, name)}: give a number of at least 0")
        if self.min_lr > self.max_lr:
            raise ValueError(f"schedule.min_lr = {self.min_lr} is above schedule.max_lr = {self.max_lr}: lower it")
        for name in ("warmup_fraction", "decay_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"schedule.{name} is {getattr(self, name)}: give a share between 0 and 1")
        if self.shape == "wsd" and self.warmup_fraction + self.decay_fraction > 1:
            raise ValueError(
                "schedule.warmup_fraction and schedule.decay_fraction add up to more than 1: lower one of them"
            )
        if (self.shape == "piecewise") != bool(self.segments):
            raise ValueError(
                "schedule.segments requires schedule.shape = piecewise, and the other way round: give both or neither"
            )
        ends = [segment.until_step for segment in self.segments]
        if ends != sorted(set(ends)):
            raise ValueError(f"schedule.segments end at steps {ends}: each segment must end after the one before it")


@dataclass(frozen=True)
class BatchStage:
    """A stage at the beginning of a run whose batches have other numbers of microbatches, of the same size."""

    until_step: int
    """Its last step."""
    gradient_accumulation: int
    """Microbatches of a batch."""

    def __post_init__(self) -> None:
        for name in ("until_step", "gradient_accumulation"):
            _at_least_one(f"{name} of training.batch_stages", getattr(self, name))


@dataclass(frozen=True)
class TrainingConfig:
    """Length of the run, batches, intervals, precision, compilation, and when to stop."""

    steps: int = 10_000
    """Updates of the weights."""
    batch_size: int = 128
    """Sequences per update."""
    gradient_accumulation: int = 1
    """Microbatches that a batch is computed in, one after the other, to save memory."""
    batch_stages: tuple[BatchStage, ...] = ()
    """Stages before those of batch_size, usually with smaller batches: until which step, in how many microbatches."""
    batch_lr_exponent: float = 0.0
    """In a stage, the learning rate is multiplied by (its batch / batch_size) to this power; 0.5: the square root."""
    max_grad_norm: float | None = 1.0
    """Gradients are clipped to this global norm; null: no clipping."""
    log_interval: int = 10
    """Steps between two reports of the training loss."""
    eval_interval: int = 500
    """Steps between two evaluations; there is always one at the end."""
    eval_batches: int | None = 50
    """Batches of an evaluation, spread evenly over the validation tokens; null: all tokens."""
    final_eval_batches: int | Literal["same"] | None = "same"
    """Batches of the evaluation at the end: same: eval_batches; null: all tokens, each predicted once."""
    checkpoint_interval: int = 1_000
    """Steps between two checkpoints; there is always one at the end."""
    compile: CompileSetting | bool = "auto"
    """Whether to compile the training step: auto, on, off; auto: on a GPU, and on a CPU if the run is long."""
    precision: ComputePrecision = "auto"
    """Number format of matrix products (weights stay in float32); auto: bfloat16 on GPUs that support it."""
    matmul_precision: MatmulPrecision = "high"
    """Precision of float32 products on GPUs: highest is float32, high allows TF32, medium bfloat16."""
    float8: Float8Setting | bool = "off"
    """Experimental: the blocks' products in float8. Unmeasured on a GPU, and kept only if it wins at equal loss."""
    parallel: Parallel = "none"
    """Processes started by torchrun: ddp replicates the model, fsdp shards every parameter."""
    collective_timeout: float = 600.0
    """Seconds that a process waits for the others, for example while the first one writes a checkpoint."""
    max_seconds: float | None = None
    """Time in which the run ends, compilation, the final evaluation, the last checkpoint and earlier sessions included;
    null: no limit."""
    max_skipped_in_a_row: int = 10
    """The run stops after this many steps in a row whose loss or gradient is not finite."""
    spike_threshold: float | None = 8.0
    """A loss this many standard deviations above the last fifty is logged as a spike; null: never."""

    def __post_init__(self) -> None:
        for name in ("compile", "float8"):
            if isinstance(value := getattr(self, name), bool):  # YAML 1.1 reads on and off as booleans
                object.__setattr__(self, name, "on" if value else "off")
        _one_of("training.compile", self.compile, CompileSetting)
        _one_of("training.float8", self.float8, Float8Setting)
        _one_of("training.precision", self.precision, ComputePrecision)
        _one_of("training.matmul_precision", self.matmul_precision, MatmulPrecision)
        _one_of("training.parallel", self.parallel, Parallel)
        for name in ("steps", "batch_size", "gradient_accumulation", "log_interval", "eval_interval"):
            _at_least_one(f"training.{name}", getattr(self, name))
        _at_least_one("training.max_skipped_in_a_row", self.max_skipped_in_a_row)
        for name in ("max_seconds", "spike_threshold"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"training.{name} is {value}: give a number above 0, or null")
        if not 1 <= self.collective_timeout <= 86_400:
            raise ValueError(
                f"training.collective_timeout is {self.collective_timeout}: give seconds between 1 and 86400"
            )
        _at_least_one("training.checkpoint_interval", self.checkpoint_interval)
        _at_least_one("training.eval_batches", self.eval_batches)
        if self.final_eval_batches != "same":
            _at_least_one("training.final_eval_batches", self.final_eval_batches)
        if self.batch_size % self.gradient_accumulation:
            raise ValueError(
                f"training.batch_size = {self.batch_size} cannot be divided into {self.gradient_accumulation} "
                "microbatches of equal size: make training.gradient_accumulation a divisor of it"
            )
        ends = [stage.until_step for stage in self.batch_stages]
        if ends != sorted(set(ends)):
            raise ValueError(f"training.batch_stages end at steps {ends}: each stage must end after the one before it")
        if not 0 <= self.batch_lr_exponent < math.inf:
            raise ValueError(f"training.batch_lr_exponent is {self.batch_lr_exponent}: give a number of at least 0")
        if self.max_grad_norm is not None and not self.max_grad_norm > 0:
            raise ValueError(f"training.max_grad_norm is {self.max_grad_norm}: give a number above 0, or null")

    def num_rows(self, steps: int) -> int:
        """Return the number of rows in the batches of the first `steps` steps together."""
        rows, start = 0, 0
        for stage in self.batch_stages:
            end = min(stage.until_step, steps)
            rows += max(0, end - start) * stage.gradient_accumulation * self.batch_size // self.gradient_accumulation
            start = stage.until_step
        return rows + max(0, steps - start) * self.batch_size


@dataclass(frozen=True)
class CheckpointConfig:
    """Which checkpoints are kept, and how they are written."""

    keep_last: int | None = 3
    """Number of latest checkpoints to keep; null: all."""
    keep_best: int = 1
    """Number of checkpoints with the lowest validation losses to keep in addition."""
    background: bool = True
    """Write in the background while training continues; takes memory for a copy of model and optimizer state."""

    def __post_init__(self) -> None:
        if self.keep_last is not None and self.keep_last < 1:
            raise ValueError(f"checkpoints.keep_last is {self.keep_last}: it must be at least 1, or null to keep all")
        if self.keep_best < 0:
            raise ValueError(f"checkpoints.keep_best is {self.keep_best}: it must be at least 0")


@dataclass(frozen=True)
class WandbConfig:
    """Reporting to Weights & Biases."""

    mode: WandbMode = "disabled"
    """disabled, offline (write into the run's folder, to sync later), or online."""
    project: str = "language-model"
    """The project of the run."""
    group: str | None = None
    """Runs of a group are shown together, such as those of a sweep; null: none."""
    tags: tuple[str, ...] = ()
    """Words to find the run by."""

    def __post_init__(self) -> None:
        _one_of("wandb.mode", self.mode, WandbMode)


@dataclass(frozen=True)
class ReportingConfig:
    """Further reporting."""

    tensorboard: bool = False
    """Write event files for TensorBoard, which must be installed, into the run's folder."""
    peak_flops: float | None = None
    """Peak FLOPs per second of one device, for the MFU; null: as its datasheet states."""

    def __post_init__(self) -> None:
        if self.peak_flops is not None and not 0 < self.peak_flops < math.inf:
            raise ValueError(
                f"reporting.peak_flops is {self.peak_flops}: give a number above 0, such as 989e12, or null"
            )


@dataclass(frozen=True)
class TrainConfig:
    """The configuration of a training run on token files."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    reporting: ReportingConfig = field(default_factory=ReportingConfig)
    wandb: WandbConfig = field(default_factory=WandbConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        if self.schedule.by == "time" and self.training.max_seconds is None:
            raise ValueError("schedule.by is time, but there is no time limit: give training.max_seconds")
        if self.training.batch_stages and self.data.order == "epoch":
            raise ValueError(
                "training.batch_stages does not work with data.order = epoch, which numbers windows by batches of one "
                "size: use --data.order random"
            )
        tokens = self.training.batch_size // self.training.gradient_accumulation * self.model.context_length
        if self.training.float8 == "on" and tokens % 16:
            raise ValueError(
                f"training.float8 is on, but a microbatch has {tokens} tokens: float8 products need a multiple of 16"
            )


def _one_of(name: str, value: object, choices: Any) -> None:
    if value not in get_args(choices):
        raise ValueError(f"{name} is {value!r}: choose one of {', '.join(get_args(choices))}")


def _at_least_one(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"{name} is {value}: it must be at least 1")
