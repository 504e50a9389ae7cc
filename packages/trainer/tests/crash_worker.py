"""Kills processes that write checkpoints, and prints what they left behind; run by test_crashes.py.

    crash_worker.py FOLDER random COUNT SEED     at random moments
    crash_worker.py FOLDER every BEGIN STRIDE    before system call BEGIN, BEGIN + STRIDE, …, until the process finishes

Each process is a fork of this one, so that torch is loaded once. The output is one JSON object per kill.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import torch

from optim import AdamW
from trainer import CheckpointConfig, RunDirectory
from trainer.checkpoints import CheckpointStore, CheckpointWriter, Progress, open_checkpoint

CONFIG = CheckpointConfig(keep_last=2, keep_best=1)
SYSTEM_CALLS = ("open", "write", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir")


def report(found):
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def build(step):
    """A model and an optimizer in which every number is the step."""
    model = torch.nn.Linear(8, 8)
    optimizer = AdamW(model.parameters())
    for parameter in model.parameters():
        parameter.data.fill_(step)
        optimizer.state[parameter] = {
            "step": step,
            "exp_avg": torch.full_like(parameter, step),
            "exp_avg_sq": torch.full_like(parameter, step),
        }
    return model, optimizer


def write_checkpoints(folder, steps, pipe):
    """Write checkpoints one after another, and send the step of each to a pipe when it is on the disk."""
    store = CheckpointStore(folder, CONFIG)
    store.recover()
    with CheckpointWriter(store) as writer:
        for step in steps:
            writer.save(*build(step), Progress(step, valid_loss=float(abs(step - 4))))
            if pipe is not None:
                writer.wait()
                os.write(pipe, step.to_bytes(8, "little"))


def in_a_fork(work, kill_after=None):
    """Run `work` in a fork; return the last step that it sent, and its exit status."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(writing)
            os._exit(0)
        except BaseException as error:
            report({"error": repr(error)})
            os._exit(1)
    os.close(writing)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        sent = pipe.read()
    _, status = os.waitpid(child, 0)
    return int.from_bytes(sent[len(sent) // 8 * 8 - 8 :][:8], "little"), os.waitstatus_to_exitcode(status)


def inspect(folder):
    """Describe the folder after a kill: intact steps, whether the newest has the right content, and other files."""
    store = CheckpointStore(folder, CONFIG)
    temporary = len(list(folder.glob(".*")))
    store.recover()
    steps = store.steps()
    intact = [step for step in steps if open_checkpoint(store.path(step)).progress.step == step]
    found = {"steps": steps, "intact": intact, "temporary": temporary, "hidden": len(list(folder.glob(".*")))}
    if not steps:
        return {**found, "newest": 0}
    checkpoint, messages = store.latest_good()
    model, optimizer = build(-1)
    step = checkpoint.restore(model, optimizer).step
    same = all((parameter == step).all() for parameter in model.parameters())
    same &= all((kept["exp_avg"] == step).all() for kept in optimizer.state.values())
    return {**found, "newest": step, "same": bool(same), "messages": messages}


def at_random(folder, count, seed):
    """Continue the same run after each kill."""
    moments, done = random.Random(seed), 10
    started = time.perf_counter()
    in_a_fork(lambda pipe: write_checkpoints(folder, range(1, done + 1), pipe))
    seconds = (time.perf_counter() - started) / done  # per checkpoint, with the present load of the machine
    for _ in range(count):
        begin = done
        written, status = in_a_fork(
            lambda pipe, begin=begin: write_checkpoints(folder, range(begin + 1, begin + 10_000), pipe),
            kill_after=moments.uniform(0, 4 * seconds),
        )
        found = inspect(folder)
        report({"begin": begin, "written": written, "status": status, **found})
        done = found["newest"]


def at_every_step(folder, begin, stride):
    """Kill before the n-th system call, for each n, starting from the same checkpoints."""
    prepared = folder / "prepared"
    in_a_fork(lambda pipe: write_checkpoints(prepared, [3, 4, 5, 6], pipe))
    for count in range(begin, 10**6, stride):
        run = folder / str(count)
        shutil.copytree(prepared, run)
        (run / "step_00000006").rename(run / ".step_00000006.0123abcd.replaced")  # as after a kill

        def work(pipe, run=run, count=count):
            kill_before(count, except_for=pipe)
            write_checkpoints(run, [6, 7, 8], pipe)  # the first exists already and is replaced

        written, status = in_a_fork(work)
        report({"count": count, "written": written, "status": status, **inspect(run)})
        if status == 0:
            return


def kill_before(count, except_for):
    """Make this process kill itself before the n-th of the system calls."""
    left = [count]

    def wrap(original):
        def call(*arguments, **keywords):
            if arguments[0] != except_for:
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
            return original(*arguments, **keywords)

        return call

    for name in SYSTEM_CALLS:
        setattr(os, name, wrap(getattr(os, name)))


if __name__ == "__main__":
    how = {"random": at_random, "every": at_every_step}[sys.argv[2]]
    how(RunDirectory(Path(sys.argv[1])).checkpoints, int(sys.argv[3]), int(sys.argv[4]))
