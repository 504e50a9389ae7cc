"""Looking ahead: `--dry-run`, and the refusal of a step that does not fit the memory."""

import pytest
import torch

from optim import AdamW
from step_memory import DeviceMemory, device_memory, plan_step, readable_memory_errors, require_memory
from text_config import TextRunConfig
from trainer import parse_config

from .conftest import ROOT, TINY_MODEL, TINY_TRAINING, text_options, token_options, train

TINY = [*TINY_MODEL, *TINY_TRAINING]


def read(*arguments):
    return parse_config(TextRunConfig, ["--run.device=cpu", *arguments])[0]


def set_memory(monkeypatch, total, available=None):
    memory = DeviceMemory(total, total if available is None else available)
    monkeypatch.setattr("step_memory.device_memory", lambda device: memory)
    monkeypatch.setattr("dry_run.device_memory", lambda device: memory)


def test_a_dry_run_trains_nothing(call, tmp_path, texts, trained_run):
    directory = f"--run.directory={tmp_path / 'run'}"
    outcome = call(train, *TINY, *text_options(texts), directory, "--dry-run")
    assert outcome.code == 0, outcome
    for part in ("parameters: ", "FLOPs: ", "memory: about ", "time: ", "4 × 32 = 128 tokens"):
        assert part in outcome.output
    assert "bytes of text, which the run encodes first" in outcome.output
    assert "blocks.*.attention.q_proj.weight" in outcome.output
    assert not (tmp_path / "run").exists()
    folder = trained_run / "tokens"
    options = ["--training.precision=bfloat16", "--training.gradient_accumulation=2"]
    of_tokens = call(train, *TINY, *token_options(folder), directory, "--dry-run", *options).output
    assert f"data: {folder / 'train.bin'}, " in of_tokens
    assert "for a step, mixed (" in of_tokens
    assert "2 sequences at once" in of_tokens
    assert not (tmp_path / "run").exists()
    assert "tokens, sha256 " in call(train, "--resume", trained_run, "--dry-run").output


def test_a_step_that_does_not_fit_is_refused_with_what_would(call, tmp_path, texts, monkeypatch):
    """The leaderboard model on a machine of 24 GiB, which would kill it without a message."""
    set_memory(monkeypatch, 24 * 2**30)
    options = [
        "--config",
        ROOT / "configs/reference/leaderboard.yaml",
        "--run.device=cpu",
        *text_options(texts),
    ]
    for more in (["--dry-run"], []):
        outcome = call(train, *options, f"--run.directory={tmp_path / 'run'}", *more)
        error = outcome.one_line_error()
        assert error.startswith("a training step with 128 sequences at once needs about ")
        assert "but cpu has 25,770 MB: give --training.gradient_accumulation " in error
        assert outcome.output == ""
        assert list(tmp_path.iterdir()) == []


def test_the_memory_of_a_gpu_is_asked_before_anything_is_allocated(call, tmp_path, texts, monkeypatch):
    """An H100 of 80 GB, whose memory is all that the check asks for."""
    monkeypatch.setattr("trainer.choose_device", lambda name: torch.device(name))
    monkeypatch.setattr("trainer.runtime.why_not_compiled", lambda *_: None)
    memory = {"cuda": DeviceMemory(total=85_000_000_000, available=84_000_000_000)}
    monkeypatch.setattr("step_memory.device_memory", lambda device: memory[device.type])
    options = [
        "--config",
        ROOT / "configs/reference/leaderboard.yaml",
        "--run.device=cuda",
        "--training.precision=bfloat16",
    ]
    options += ["--training.batch_size=512", *text_options(texts), f"--run.directory={tmp_path / 'run'}"]
    for more in (["--dry-run"], []):
        error = call(train, *options, *more).one_line_error()
        assert error.startswith("a training step with 512 sequences at once needs about ")
        assert "but cuda has 85,000 MB: give --training.gradient_accumulation 2 (256 at once, about 80," in error
    assert not (tmp_path / "run").exists()


def test_too_little_memory_in_the_rehearsal_is_one_line(call, tmp_path, texts, monkeypatch):
    from trainer.train_state import LossModule

    def forward(self, inputs, targets, original=LossModule.forward):
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return original(self, inputs, targets)

    monkeypatch.setattr(LossModule, "forward", forward)
    options = [*TINY, *text_options(texts), f"--run.directory={tmp_path / 'run'}"]
    error = call(train, *options).one_line_error()
    assert error.startswith("out of memory: the gradient of 4 sequences at once does not fit on cpu: ")
    assert "give --training.gradient_accumulation 2, with which 2 at once fit when tried; there is no " in error
    assert error.endswith(", or add --resume auto to the command")
    assert call(train, *options, "--training.gradient_accumulation=2", "--resume=auto").code == 0


def test_the_proposed_accumulation_is_the_smallest_that_fits(monkeypatch):
    config = read("--training.batch_size=12")
    needed = {size: plan_step(config).memory_bytes(size) for size in (12, 6, 4, 3)}
    set_memory(monkeypatch, needed[12] - 1, available=needed[4])
    with pytest.raises(ValueError, match=r"give --training.gradient_accumulation 3 \(4 at once, about "):
        require_memory(config)
    require_memory(read("--training.batch_size=12", "--training.gradient_accumulation=3"))


def test_a_model_that_does_not_fit_at_all_is_refused(monkeypatch):
    set_memory(monkeypatch, 1_000_000)
    with pytest.raises(ValueError, match=r"even one sequence at once needs about .* so lower model.context_length"):
        require_memory(read())


def test_sharded_parameters_are_not_refused(monkeypatch):
    set_memory(monkeypatch, 1_000_000)
    require_memory(read("--training.parallel=fsdp"))


def test_the_time_is_not_measured_without_enough_available_memory(call, texts, monkeypatch, tmp_path):
    set_memory(monkeypatch, 2**40, available=100)
    monkeypatch.setattr(AdamW, "step", lambda *_: pytest.fail("a step was computed"))
    options = [*TINY, *text_options(texts), f"--run.directory={tmp_path / 'run'}", "--dry-run"]
    output = call(train, *options).output
    assert "note: a training step needs about 1 MB of memory, but only 0 MB are available now\n" in output
    assert "time: not measured, since only 0 MB of memory are available now" in output


def test_the_memory_of_this_machine(monkeypatch):
    memory = device_memory(torch.device("cpu"))
    assert 0 < memory.available <= memory.total < 2**50
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert device_memory(torch.device("cpu")).total == memory.total // 2


def test_a_container_limits_the_memory(monkeypatch):
    monkeypatch.setattr("step_memory._container_limits", lambda: iter([2**20, 2**62]))
    assert device_memory(torch.device("cpu")).total == 2**20


def test_other_errors_pass_unchanged():
    with pytest.raises(RuntimeError, match="shape"), readable_memory_errors():
        raise RuntimeError("shape mismatch")
