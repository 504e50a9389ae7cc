r"""Run the experiments of `configs/experiments`, and write the report of what they show.

uv run apps/experiments.py run all --scale smoke
uv run apps/experiments.py run learning_rate nope --text stories/train.txt stories/valid.txt
uv run apps/experiments.py report

The settings are those of the scale. Results are in `runs/experiments/SCALE`; what is there is not run again, so that
the same command continues what was interrupted.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from command import CommandLineParser, one_of, run_command, say, whole_number
from experimentation.scales import EXPERIMENT_FILES, SCALES, Scale, read_scale
from experimentation.table import Experiment, choose, read_experiments
from experimentation.text_sources import CorporaRequest

if TYPE_CHECKING:
    from experimentation.executors import Executor

_ROOT = Path(__file__).resolve().parents[1]
_USAGE = "give one of list, run, report, search; each has --help"
_FAILED = 1
"""The exit code if members have failed."""


@dataclass(frozen=True)
class Request:
    """What the options that all commands share ask for."""

    scale: Scale
    table: Sequence[Experiment]
    """All experiments."""
    directory: Path
    """Where the results are."""
    corpora: CorporaRequest


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


def parser_of(command: str, description: str, usage: str, examples: Sequence[str]) -> CommandLineParser:
    """Return a parser with the options that all commands share."""
    parser = CommandLineParser(description, f"{command} {usage}", [f"{command} {each}" for each in examples])
    add = parser.add_argument
    add(
        "--scale",
        type=one_of(*SCALES),
        default="cpu",
        metavar="SCALE",
        help="smoke (to try it), cpu (the default: two cores, within an hour), gpu (the real models)",
    )
    both = {"type": Path, "nargs": 2, "metavar": ("TRAIN", "VALID")}
    add("--text", help="the first corpus (default: prepared TinyStories, else generated stories)", **both)
    add("--other-text", help="the second corpus (default: prepared OpenWebText, else this project's text)", **both)
    add("--directory", type=Path, metavar="FOLDER", help="of the results (default runs/experiments/SCALE)")
    add(
        "--experiments",
        type=Path,
        default=EXPERIMENT_FILES,
        metavar="FOLDER",
        help="with the files of the experiments and the scales (default configs/experiments)",
    )
    return parser


def read_request(given: Namespace) -> Request:
    """Read the experiments, the scale, and which texts are asked for.

    Raises:
        ValueError: a file in the folder of the experiments is wrong.
    """
    scale = read_scale(given.scale, given.experiments)
    directory = given.directory or Path("runs") / "experiments" / scale.name
    texts = [None if paths is None else (paths[0], paths[1]) for paths in (given.text, given.other_text)]
    return Request(scale, read_experiments(given.experiments, scale.name), directory, CorporaRequest(scale, *texts))


def list_experiments(arguments: list[str]) -> None:
    """Print a table of the experiments, and how many of their members are finished."""
    parser = parser_of("list", "List the experiments.", "[OPTIONS]", ("", "--scale gpu"))
    request = read_request(parser.parse_all(arguments))
    from experimentation.listing import table_lines
    from experimentation.planning import plan
    from experimentation.text_sources import find_corpora

    try:
        corpora = find_corpora(request.corpora, request.directory)
    except ValueError as error:  # the table can be read without the texts
        say(f"note: {error}")
        corpora = None
    planned = plan(request.table, request.table, request.scale, corpora)
    print("\n".join(table_lines(request.table, planned, request.scale, request.directory)))


def run_experiments(arguments: list[str]) -> None:
    """Run the members of some experiments that have no result yet."""
    parser = parser_of(
        "run",
        "Run experiments. What is finished is not run again; what was interrupted is resumed.",
        "NAME… | all [OPTIONS]",
        ("all --scale smoke", "learning_rate nope --parallel 4", "all --scale gpu --executor slurm"),
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
    given = parser.parse_all(arguments)
    request = read_request(given)
    chosen = choose(request.table, given.names)
    if given.parallel is not None and given.parallel < 1:
        raise ValueError(f"--parallel is {given.parallel}: give at least 1")
    request.corpora.origins()  # refuses texts that are missing, at once
    from experimentation.planning import plan
    from experimentation.running import Plan, missing_members, run_missing
    from experimentation.text_sources import make_corpora
    from folder_lock import lock_folder

    plan(chosen, request.table, request.scale, None)  # refuses wrong settings, at once
    executor = choose_executor(given, request)
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
    from experimentation.executors import LocalExecutor, visible_gpus
    from trainer.run import describe_system

    gpus = () if (given.device or scale.device) == "cpu" else visible_gpus()
    parallel = given.parallel or max(scale.parallel, len(gpus))
    threads = scale.threads or max(1, (describe_system()["usable_cpus"] or 1) // parallel)
    return LocalExecutor(parallel, gpus, threads)


def report(arguments: list[str]) -> None:
    """Write the report of all results."""
    parser = parser_of("report", "Write the report of a scale.", "[OPTIONS]", ("", "--scale smoke --out results"))
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="to write into (default docs/results/SCALE)")
    given = parser.parse_all(arguments)
    request = read_request(given)
    from experimentation.collecting import collect
    from experimentation.planning import plan
    from experimentation.report import write_report
    from experimentation.text_sources import find_corpora

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
