import dataclasses

import pytest

from nn import ModelConfig
from optim import Segment
from trainer import DataConfig, OptimizerConfig, RunConfig, ScheduleConfig, TrainConfig, TrainingConfig, WandbConfig
from trainer.config import BatchStage


def test_the_defaults_are_the_base_run():
    config = TrainConfig()
    tokens = config.training.batch_size * config.training.steps * config.model.context_length
    assert tokens == 327_680_000
    assert config.optimizer.betas == (0.9, 0.999)
    assert config.optimizer.weight_decay == 0.01
    assert config.training.max_grad_norm == 1.0
    assert (config.schedule.shape, config.schedule.warmup_fraction) == ("cosine", 0.01)
    assert config.wandb.mode == "disabled"


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (DataConfig, {"order": "shuffled"}, "data.order is 'shuffled': choose one of random, epoch"),
        (TrainingConfig, {"steps": 0}, "training.steps is 0: it must be at least 1"),
        (TrainingConfig, {"eval_batches": 0}, "training.eval_batches is 0"),
        (TrainingConfig, {"checkpoint_interval": -1}, "training.checkpoint_interval is -1"),
        (TrainingConfig, {"gradient_accumulation": 3}, "batch_size = 128 cannot be divided into 3 microbatches"),
        (TrainingConfig, {"max_grad_norm": 0.0}, "training.max_grad_norm is 0.0"),
        (ScheduleConfig, {"max_lr": -1.0}, "schedule.max_lr is -1.0"),
        (ScheduleConfig, {"max_lr": float("nan")}, "schedule.max_lr is nan"),
        (ScheduleConfig, {"min_lr": 1.0}, "schedule.min_lr = 1.0 is above schedule.max_lr = 0.001"),
        (ScheduleConfig, {"warmup_fraction": 1.5}, "schedule.warmup_fraction is 1.5"),
        (ScheduleConfig, {"shape": "wsd", "warmup_fraction": 0.9}, "add up to more than 1"),
        (ScheduleConfig, {"shape": "piecewise"}, "schedule.segments requires schedule.shape = piecewise"),
        (ScheduleConfig, {"segments": (Segment(5, 1.0),)}, "give both or neither"),
        (ScheduleConfig, {"shape": "cosin"}, "schedule.shape is 'cosin': choose one of cosine, linear"),
        (
            ScheduleConfig,
            {"shape": "piecewise", "segments": (Segment(5, 1.0), Segment(5, 0.0))},
            r"end at steps \[5, 5\]: each segment must end after the one before",
        ),
        (OptimizerConfig, {"name": "adam"}, "optimizer.name is 'adam': choose one of adamw, muon, sgd"),
        (OptimizerConfig, {"momentum": 1.0}, "optimizer.momentum is 1.0: give a number of at least 0 and below 1"),
        (OptimizerConfig, {"muon_scale": "x"}, "optimizer.muon_scale is 'x': choose one of original, match_adamw"),
        (OptimizerConfig, {"muon_precision": "half"}, "optimizer.muon_precision is 'half'"),
        (OptimizerConfig, {"muon_coefficients": "x"}, "muon_coefficients is 'x': choose one of jordan, polar_express"),
        (OptimizerConfig, {"muon_lr_factor": -1.0}, "optimizer.muon_lr_factor is -1.0"),
        (OptimizerConfig, {"head_lr_factor": float("inf")}, "optimizer.head_lr_factor is inf"),
        (
            OptimizerConfig,
            {"muon_second_moment": 1.0},
            "optimizer.muon_second_moment is 1.0: give a number of at least",
        ),
        (OptimizerConfig, {"momentum_start": 1.0}, "optimizer.momentum_start is 1.0: give a number of at least 0"),
        (OptimizerConfig, {"momentum_warmup_steps": -1}, "optimizer.momentum_warmup_steps is -1: give 0 or more"),
        (
            TrainingConfig,
            {"batch_stages": (BatchStage(5, 1), BatchStage(5, 2))},
            r"training.batch_stages end at steps \[5, 5\]: each stage must end after the one before it",
        ),
        (
            BatchStage,
            {"until_step": 3, "gradient_accumulation": 0},
            "gradient_accumulation of training.batch_stages is 0",
        ),
        (
            TrainingConfig,
            {"batch_lr_exponent": -1.0},
            "training.batch_lr_exponent is -1.0: give a number of at least 0",
        ),
        (TrainingConfig, {"final_eval_batches": 0}, "training.final_eval_batches is 0: it must be at least 1"),
        (TrainingConfig, {"compile": "yes"}, "training.compile is 'yes': choose one of auto, on, off"),
        (TrainingConfig, {"float8": "auto"}, "training.float8 is 'auto': choose one of off, on"),
        (OptimizerConfig, {"eps": 0.0}, "optimizer.eps is 0.0"),
        (OptimizerConfig, {"weight_decay": -1.0}, "optimizer.weight_decay is -1.0"),
        (OptimizerConfig, {"betas": (0.9, 1.0)}, r"optimizer.betas is \(0.9, 1.0\)"),
        (WandbConfig, {"mode": "off"}, "wandb.mode is 'off': choose one of disabled, offline, online"),
        (RunConfig, {"seed": -1}, "run.seed is -1"),
        (RunConfig, {"seed": 2**63}, "run.seed is 9223372036854775808"),
    ],
)
def test_invalid_settings_are_refused(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind(**settings)


def test_a_configuration_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().run = None


@pytest.mark.parametrize(("given", "meant"), [(True, "on"), (False, "off"), ("auto", "auto"), ("on", "on")])
def test_compile_takes_booleans_too(given, meant):
    assert TrainingConfig(compile=given).compile == meant


@pytest.mark.parametrize(("given", "meant"), [(True, "on"), (False, "off"), ("on", "on"), ("off", "off")])
def test_float8_takes_booleans_too(given, meant):
    assert TrainingConfig(float8=given).float8 == meant


def test_float8_needs_tokens_in_sixteens():
    model = ModelConfig(context_length=8)
    with pytest.raises(ValueError, match="a microbatch has 24 tokens: float8 products need a multiple of 16"):
        TrainConfig(model=model, training=TrainingConfig(batch_size=6, gradient_accumulation=2, float8="on"))
    assert TrainConfig(model=model, training=TrainingConfig(batch_size=6, float8="on")).training.float8 == "on"


def test_stages_need_random_order():
    training = TrainingConfig(batch_stages=(BatchStage(3, 1),))
    with pytest.raises(ValueError, match=r"batch_stages does not work with data\.order = epoch, .*: use --data.order"):
        TrainConfig(data=DataConfig(order="epoch"), training=training)


@pytest.mark.parametrize(("steps", "rows"), [(0, 0), (1, 2), (3, 6), (4, 10), (5, 14), (6, 20), (8, 32)])
def test_the_rows_of_all_stages_are_counted(steps, rows):
    stages = (BatchStage(3, 1), BatchStage(5, 2))
    assert TrainingConfig(batch_size=6, gradient_accumulation=3, batch_stages=stages).num_rows(steps) == rows
