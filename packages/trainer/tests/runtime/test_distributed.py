"""Runs on several processes, with gloo on the CPU: the losses of one process, and checkpoints for any number.

Starting processes takes most of the time, so all runs are made by two launches, of four and of two processes.
"""

import dataclasses
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from nn import TransformerLM
from trainer import RunDirectory, load_checkpoint, open_data, read_metrics, save_config, train
from trainer.run import WeightsSource, save_initial_weights
from trainer.runtime.distributed import DistributedError, LostProcessError, World, process_group

from ..conftest import make_config, make_token_files

WORKER = Path(__file__).with_name("distributed_worker.py")


def free_ports(count):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


class Runs:
    """The folder of all runs, and the configuration that they share."""

    def __init__(self, folder):
        self.folder = folder
        self.config = make_config(folder, make_token_files(folder))

    def changed(self, name, model=None, optimizer=None, **training):
        return dataclasses.replace(
            self.config,
            run=dataclasses.replace(self.config.run, directory=str(self.folder / name)),
            model=dataclasses.replace(self.config.model, **model or {}),
            optimizer=dataclasses.replace(self.config.optimizer, **optimizer or {}),
            training=dataclasses.replace(self.config.training, **training),
        )

    def launch(self, processes, configs):
        """Make runs under torchrun, one after the other."""
        arguments = []
        for config, port in zip(configs, free_ports(len(configs)), strict=True):
            file = Path(config.run.directory).with_suffix(".yaml")
            save_config(config, file)
            arguments.append(f"{port}:{file}")
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        settings = {"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
        done = subprocess.run(
            [*command, WORKER, *arguments], capture_output=True, text=True, env={**os.environ, **settings}, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def train_alone(self, config, **options):
        run = RunDirectory(Path(config.run.directory))
        run.path.mkdir(exist_ok=True)
        train(config, run, open_data(config.data, config.model), **options)

    def curve(self, name):
        """The step, training loss and validation loss of each entry of a run's metrics."""
        entries = read_metrics(RunDirectory(self.folder / name).metrics)
        return [(entry["step"], entry.get("train_loss"), entry.get("valid_loss")) for entry in entries]

    def forget_after(self, name, step):
        """Make a run what it would be if it had been stopped after a checkpoint."""
        for later in RunDirectory(self.folder / name).checkpoints.glob("step_*"):
            if int(later.name.removeprefix("step_")) > step:
                shutil.rmtree(later)


def assert_same_curve(one, other):
    assert [entry[0] for entry in one] == [entry[0] for entry in other]
    for (_, *ours), (_, *theirs) in zip(one, other, strict=True):
        assert ours == [None if value is None else pytest.approx(value, rel=2e-4) for value in theirs]


RECIPE = {"name": "muon", "muon_second_moment": 0.9, "cautious_weight_decay": True, "embedding_lr_factor": 2.0}
OPTIMIZERS = {"adamw": {}, "muon": {"name": "muon"}, "recipe": RECIPE}
MODELS = {"recipe": {"value_embeddings": True, "norm_gains": False}}
TIED = {"model": {"tie_embeddings": True}, "optimizer": {"name": "muon"}, "steps": 4, "eval_batches": None}


def given_weights(runs, config):
    """Give a run its initial weights, the same for all, and return its configuration."""
    run = RunDirectory(Path(config.run.directory))
    run.path.mkdir()
    model = TransformerLM(config.model, generator=torch.Generator().manual_seed(77))
    save_initial_weights(model, run, WeightsSource("elsewhere"))
    return config


def limited(config):
    return dataclasses.replace(config, schedule=dataclasses.replace(config.schedule, by="time"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    runs = Runs(tmp_path_factory.mktemp("runs"))
    for optimizer in OPTIMIZERS:
        runs.train_alone(runs.changed(f"alone_{optimizer}", MODELS.get(optimizer), OPTIMIZERS[optimizer]))
    runs.train_alone(given_weights(runs, runs.changed("alone_given", **TIED)))

    def moved(optimizer, interval, parallel):
        settings = {"steps": 20, "checkpoint_interval": interval, "parallel": parallel}
        return runs.changed(f"moved_{optimizer}", MODELS.get(optimizer), OPTIMIZERS[optimizer], **settings)

    runs.launch(4, [runs.changed("ddp_4", parallel="ddp"), *(moved(name, 8, "fsdp") for name in OPTIMIZERS)])
    for optimizer in OPTIMIZERS:
        runs.forget_after(f"moved_{optimizer}", 8)
    runs.launch(
        2,
        [
            runs.changed("ddp_2", parallel="ddp", gradient_accumulation=2),
            runs.changed("fsdp_2", parallel="fsdp", checkpoint_interval=20),  # so that no checkpoint follows step 10
            runs.changed("fsdp_2_all", parallel="fsdp", gradient_accumulation=2, eval_batches=None),
            runs.changed("fsdp_2_tied", parallel="fsdp", model={"tie_embeddings": True}, steps=2),
            *(given_weights(runs, runs.changed(f"{name}_2_given", **TIED, parallel=name)) for name in ("ddp", "fsdp")),
            limited(runs.changed("ddp_2_limited", parallel="ddp", steps=100_000, max_seconds=10.0, log_interval=1)),
            moved("adamw", 14, "ddp"),
            moved("muon", 14, "fsdp"),
            moved("recipe", 14, "fsdp"),
        ],
    )
    for optimizer in OPTIMIZERS:
        runs.forget_after(f"moved_{optimizer}", 14)
        runs.train_alone(moved(optimizer, 14, "none"), resume=True)
    return runs


@pytest.mark.parametrize(("parallel", "processes"), [("ddp", 2), ("fsdp", 2), ("ddp", 4)])
def test_several_processes_give_the_losses_of_one(runs, parallel, processes):
    name = f"{parallel}_{processes}"
    assert_same_curve(runs.curve(name), runs.curve("alone_adamw"))
    assert f"{processes} processes ({parallel})" in RunDirectory(runs.folder / name).log.read_text()


def test_all_validation_tokens_are_shared_by_the_processes(runs):
    """Their loss is not that of the few batches of the run of one process; the training losses are."""
    ours, alone = (
        [entry for entry in runs.curve(name) if entry[1] is not None] for name in ("fsdp_2_all", "alone_adamw")
    )
    assert_same_curve(ours, alone)
    assert [step for step, _, valid_loss in runs.curve("fsdp_2_all") if valid_loss is not None] == [10, 20]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_checkpoint_of_four_processes_resumes_in_two_and_in_one(runs, optimizer):
    assert_same_curve(runs.curve(f"moved_{optimizer}"), runs.curve(f"alone_{optimizer}"))


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_given_weights_are_those_of_one_process(runs, parallel):
    curve = runs.curve(f"{parallel}_2_given")
    assert [(step, valid_loss is not None) for step, _, valid_loss in curve] == [
        (0, True),
        (1, False),
        (4, False),
        (4, True),
    ]
    assert_same_curve(curve, runs.curve("alone_given"))


def test_processes_agree_when_their_time_is_over(runs):
    run = RunDirectory(runs.folder / "ddp_2_limited")
    *_, last, evaluation = read_metrics(run.metrics)
    assert last["step"] == evaluation["step"] < 100_000
    assert evaluation["seconds"] < 10
    assert last["learning_rate"] < 1e-3  # of 1e-2 at first, 0 at the end
    assert "s for the final evaluation and the last checkpoint" in run.log.read_text()


def test_the_saved_model_has_full_tensors_with_plain_names(runs):
    path = RunDirectory(runs.folder / "fsdp_2_tied").checkpoint(2)
    with safe_open(path / "model.safetensors", "pt") as file:
        names = set(file.keys())
    assert ("embedding.weight" in names) != ("lm_head.weight" in names)  # tied weights are stored once
    assert all(name.startswith(("embedding", "blocks.", "final_norm", "lm_head")) for name in names)
    config = runs.changed("unused", model={"tie_embeddings": True})
    load_checkpoint(path, TransformerLM(config.model))


def test_batches_are_divided_equally():
    worlds = [World(rank, 4) for rank in range(4)]
    rows = [list(range(12))[world.rows(12)] for world in worlds]
    assert rows == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    with pytest.raises(DistributedError, match=r"training\.batch_size = 10 is not divisible by 4 processes"):
        worlds[0].rows(10)
    with pytest.raises(DistributedError, match=r"x training\.gradient_accumulation = 2: use a multiple of 8"):
        worlds[0].rows(12, 2)


def test_the_number_of_processes_must_match_the_configuration(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with (
        pytest.raises(DistributedError, match=r"torchrun has started 2 processes, but training\.parallel is none"),
        process_group("none", torch.device("cpu")),
    ):
        pass
    monkeypatch.delenv("WORLD_SIZE")
    with (
        pytest.raises(DistributedError, match="was not started by torchrun: start it with torchrun"),
        process_group("ddp", torch.device("cpu")),
    ):
        pass


def test_processes_that_were_started_differently_are_refused(monkeypatch):
    def all_gather_object(everyone, mine):
        everyone[:] = [mine, {**mine, "training.batch_size": 16}]

    monkeypatch.setattr(torch.distributed, "all_gather_object", all_gather_object)
    settings = {"run.seed": 0, "training.batch_size": 8}
    with pytest.raises(DistributedError, match=r"0 has training\.batch_size: 8, but process 1 has 16: start all with"):
        World(0, 2).require_same(settings)
    World(0, 1).require_same(settings)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not report the end of a parent")
def test_a_process_ends_when_its_torchrun_is_killed():
    worker = "from trainer.runtime.distributed import stop_with_torchrun as stop; stop(); print('ready', flush=True); "
    worker += "import signal; print(signal.sigwait([signal.SIGTERM]).name)"
    worker = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]); {worker}"
    torchrun = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    environment = {**os.environ, "TORCHELASTIC_RUN_ID": "test", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", torchrun, worker], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.kill()
        assert process.stdout.read() == "SIGTERM\n"


def test_a_process_that_never_comes_is_not_waited_for_longer_than_the_limit(monkeypatch):
    variables = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(*free_ports(1))}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(LostProcessError, match=r"process 0 of 2 has lost the others: .* not answered for 1 s"),
        process_group("ddp", torch.device("cpu"), timeout=1),
    ):
        pass
