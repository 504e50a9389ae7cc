r"""Run the experiments of `configs/experiments`, and write the report of what they show.

uv run apps/experiments.py run all --scale smoke
uv run apps/experiments.py run learning_rate nope --text stories/train.txt stories/valid.txt
uv run apps/experiments.py run all --scale gpu --dry-run
uv run apps/experiments.py report
uv run apps/experiments.py search rate_decay_warmup_beta2

The settings are those of the scale. Results are in `runs/experiments/SCALE`; what is there is not run again, so that
the same command continues what was interrupted.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from command import CommandLineParser, number, one_of, run_command, say, whole_number
from experimentation.request import Request, corpora_if_any, parser_of, read_request
from experimentation.table import Experiment, choose
from experimentation.text_sources import find_corpora

if TYPE_CHECKING:
    from experimentation.executors import Executor

_ROOT = Path(__file__).resolve().parents[1]
_USAGE = "give one of list, run, report, search; each has --help"
_FAILED = 1
"""The exit code if members have failed."""


def main(arguments: list[str]) -> None:
    """Do what the first argument names."""
    commands: dict[str, Callable[[list[str]], None]] = {
        "list": list_experiments,
        "run": run_experiments,
        "report": report,
        "search": search,
        "member": member,
    }
    name = arguments[0] if arguments else ""
    if name in ("--help", "-h"):
        print(f"{__doc__}\n{_USAGE}")
    elif name not in commands:
        raise ValueError(f"{name!r} is not a command: {_USAGE}" if name else _USAGE)
    else:
        commands[name](arguments[1:])


def list_experiments(arguments: list[str]) -> None:
    """Print a table of the experiments, and how many of their members are finished."""
    parser = parser_of("list", "List the experiments.", "[OPTIONS]", ("", "--scale gpu"))
    request = read_request(parser.parse_all(arguments))
    from experimentation.listing import table_lines
    from experimentation.planning import plan

    planned = plan(request.table, request.table, request.scale, corpora_if_any(request))
    print("\n".join(table_lines(request.table, planned, request.scale, request.directory)))


def run_parser() -> CommandLineParser:
    """Return a parser of the options of `run`."""
    parser = parser_of(
        "run",
        "Run experiments. What is finished is not run again; what was interrupted is resumed.",
        "NAME… | all [OPTIONS]",
        ("all --scale smoke", "learning_rate nope --parallel 4", "all --scale gpu --executor slurm --yes"),
    )
    add = parser.add_argument
    add("names", nargs="+", metavar="NAME", help="experiments, as `list` shows them, or all")
    add("--parallel", type=whole_number, metavar="N", help="members at once (default: that of the scale, or the GPUs)")
    add("--device", metavar="DEVICE", help="auto, cpu, cuda, … (default: that of the scale)")
    add("--executor", type=one_of("local", "slurm"), default="local", metavar="WHERE", help="local (default) or slurm")
    add("--slurm-partition", metavar="NAME", help="the partition for Slurm jobs")
    add("--slurm-account", metavar="NAME", help="the account for Slurm jobs")
    add("--slurm-minutes", type=whole_number, default=240, metavar="N", help="their time limit (default 240)")
    add(
        "--wandb.mode",
        dest="wandb_mode",
        type=one_of("disabled", "offline", "online"),
        default="disabled",
        metavar="MODE",
        help="report to Weights & Biases: disabled (default), offline, online; group: experiment, tags: scale, member",
    )
    add("--dry-run", action="store_true", help="print what it costs, and run nothing")
    add("--mfu", type=number, default=0.4, metavar="X", help="model FLOPs utilization of that estimate (default 0.4)")
    add("--yes", action="store_true", help="at scale gpu: run without asking")
    return parser


def run_experiments(arguments: list[str]) -> None:
    """Run the members of some experiments that have no result yet."""
    given = run_parser().parse_all(arguments)
    request = read_request(given)
    chosen = choose(request.table, given.names)
    if given.parallel is not None and given.parallel < 1:
        raise ValueError(f"--parallel is {given.parallel}: give at least 1")
    if not given.dry_run:
        request.corpora.origins()  # refuses texts that are missing, at once
    from experimentation.cost import require_consent
    from experimentation.planning import plan
    from experimentation.running import Plan, missing_members, run_missing
    from experimentation.text_sources import make_corpora
    from folder_lock import lock_folder

    plan(chosen, request.table, request.scale, None)  # refuses wrong settings, at once
    executor = choose_executor(given, request)
    if given.dry_run or request.scale.name == "gpu":
        unfinished = print_cost(request, chosen, executor.parallel, given.mfu)
        if given.dry_run:
            return
        require_consent(given=given.yes or not unfinished)
    with lock_folder(request.directory, "running experiments"):
        corpora = make_corpora(request.corpora, request.directory, say)
        members = plan(chosen, request.table, request.scale, corpora)
        missing = missing_members(members, request.directory)
        say(f"{len(chosen)} experiments, {len({each.fingerprint for each in members})} members, {len(missing)} to run")
        device = given.device or request.scale.device
        failures = run_missing(
            Plan(members, request.directory, request.scale, corpora, device, given.wandb_mode), executor
        )
    if failures:
        print("\n".join(failures), file=sys.stderr)
        sys.exit(_FAILED)


def print_cost(request: Request, chosen: Sequence[Experiment], parallel: int, mfu: float) -> int:
    """Print what it costs to run experiments; return how many members are not finished."""
    from experimentation.cost import cost_lines, cost_of, measured_speed
    from experimentation.planning import plan

    corpora = corpora_if_any(request)
    members, every = (plan(each, request.table, request.scale, corpora) for each in (chosen, request.table))
    cost, speed = cost_of(members, request.directory, request.scale), measured_speed(every, request.directory)
    say("\n".join(cost_lines(cost, request.scale, speed, parallel, mfu)))
    return cost.members


def choose_executor(given: Namespace, request: Request) -> "Executor":
    """Return where members run.

    Raises:
        ValueError: an option is not allowed, or there is no Slurm.
    """
    scale = request.scale
    if given.executor == "slurm":
        from experimentation.slurm import SlurmExecutor, SlurmOptions

        gpus_each = 1 if scale.name == "gpu" else 0
        options = SlurmOptions(given.slurm_minutes, given.slurm_partition, given.slurm_account, gpus=gpus_each)
        executor = SlurmExecutor(request.directory / "slurm", options)
        return executor if given.parallel is None else replace(executor, parallel=given.parallel)
    from experimentation.executors import local_executor

    return local_executor(scale, given.parallel, given.device or scale.device)


def report(arguments: list[str]) -> None:
    """Write the report of all results."""
    parser = parser_of("report", "Write the report of a scale.", "[OPTIONS]", ("", "--scale smoke --out results"))
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="to write into (default docs/results/SCALE)")
    given = parser.parse_all(arguments)
    request = read_request(given)
    from experimentation.collecting import collect
    from experimentation.planning import plan
    from experimentation.report import write_report

    corpora = find_corpora(request.corpora, request.directory)
    out = given.out or _ROOT / "docs" / "results" / request.scale.name
    planned = () if corpora is None else plan(request.table, request.table, request.scale, corpora)
    if corpora is None or not collect(
        request.table, planned, request.directory, out / "data", request.scale.name, corpora
    ):
        raise ValueError(
            f"{request.directory} has no results with these texts: run experiments first, with the same --text, "
            "--other-text and --directory"
        )
    print(f"report: {write_report(out / 'data', out, given.experiments)}")


def search(arguments: list[str]) -> None:
    """Search for good settings."""
    from experimentation.search_command import search as search_settings

    search_settings(arguments)


def member(arguments: list[str]) -> None:
    """Run members one after another: the command of the jobs that `run` starts."""
    if not arguments:
        raise ValueError("member is started by run: give the folders of members")
    from experimentation.member import run_members

    if run_members([Path(folder) for folder in arguments]):
        sys.exit(_FAILED)


if __name__ == "__main__":
    run_command(main)
