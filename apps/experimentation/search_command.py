"""`experiments.py search NAME`: search for the settings with the lowest validation loss, with Optuna.

The trials are in `DIRECTORY/searches/NAME.db`, a database of SQLite that Optuna's dashboard reads too; what they have
trained is among the members of the experiments.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from command import number, say, whole_number
from experimentation.request import Request, parser_of, read_request
from experimentation.search_space import Search, read_search
from experimentation.text_sources import make_corpora

if TYPE_CHECKING:
    import optuna

    from experimentation.search_training import Trials

_DEFINITION = "definition"
"""The attribute of a study that says what its trials have in common."""
_FAILED = 1
"""The exit code if trials have failed."""


def search(arguments: list[str]) -> None:
    """Search, print the best trials, and how to train with the best settings."""
    given = read_arguments(arguments)
    request = read_request(given)
    wanted = read_search(given.experiments, given.name, request.scale)
    wanted = wanted if given.trials is None else replace(wanted, trials=given.trials)
    path = request.directory / "searches" / f"{wanted.name}.db"
    if given.show:
        if not path.is_file():
            raise ValueError(f"there is no {path}: run the search first, or give its --directory and --scale")
        with open_study(path, wanted) as study:
            print_found(study, wanted)
        return
    request.corpora.origins()  # refuses texts that are missing, at once
    from folder_lock import lock_folder

    with lock_folder(request.directory, "running experiments"), open_study(path, wanted) as study:
        failed = run_search(study, wanted, request, given)
    if failed:
        print("\n".join(failed), file=sys.stderr)
        sys.exit(_FAILED)


def read_arguments(arguments: list[str]) -> Namespace:
    """Return the values of the options.

    Raises:
        ValueError: one is not allowed.
    """
    parser = parser_of(
        "search",
        "Search for the settings with the lowest validation loss. What was interrupted is continued.",
        "NAME [OPTIONS]",
        ("rate_decay_warmup_beta2", "rate_decay_warmup_beta2 --trials 40", "rate_decay_warmup_beta2 --show"),
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="a file of configs/experiments/searches, without .yaml")
    add("--trials", type=whole_number, metavar="N", help="trials in all, with those done before (default: of the file)")
    add("--parallel", type=whole_number, metavar="N", help="trials at once (default: that of the scale, or the GPUs)")
    add("--device", metavar="DEVICE", help="auto, cpu, cuda, … (default: that of the scale)")
    add("--show", action="store_true", help="print what has been found, and run nothing")
    add("--mfu", type=number, default=0.4, metavar="X", help="of the cost at scale gpu: see run --help (default 0.4)")
    add("--yes", action="store_true", help="at scale gpu: run without asking")
    given = parser.parse_all(arguments)
    for name in ("trials", "parallel"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            raise ValueError(f"--{name} is {getattr(given, name)}: give at least 1")
    return given


def run_search(study: "optuna.Study", wanted: Search, request: Request, given: Namespace) -> list[str]:
    """Run the trials that are missing; return a line for each that has failed."""
    from experimentation.executors import local_executor
    from experimentation.running import Plan
    from experimentation.search_training import Trials
    from experimentation.search_trials import best_first, failures, make_pruner, run_trials
    from experimentation.training_settings import read_training

    device = given.device or request.scale.device
    executor = local_executor(request.scale, given.parallel, device)
    training = read_training({**request.scale.base, **wanted.base}, request.scale).config.training
    study.pruner = make_pruner(wanted, training.steps, training.eval_interval)
    if request.scale.name == "gpu":
        agree(study, wanted, request, given, executor.parallel)
    corpora = make_corpora(request.corpora, request.directory, say)
    where = Plan((), request.directory, request.scale, corpora, device)
    trials = Trials(wanted, where, executor.environments())
    check_definition(study, trials)
    run_trials(study, wanted, trials.start, executor.parallel, say)
    print_found(study, wanted)
    if best := best_first(study):
        run = trials.member(wanted.settings(best[0].params)).folder(request.directory) / "run"
        print(f"trained with the best settings: {run}")
        print("train with them again, perhaps longer:")
        print(f"  uv run apps/train_tinystories.py --config {run}/config.yaml --run.directory runs/{wanted.name}")
    return failures(study)


def agree(study: "optuna.Study", wanted: Search, request: Request, given: Namespace, parallel: int) -> None:
    """Print what the missing trials cost if none is stopped early, and ask for consent.

    Raises:
        ValueError: it is not given.
    """
    from experimentation.cost import Cost, cost_lines, require_consent
    from experimentation.running import weight
    from experimentation.search_training import trial_member

    missing = max(0, wanted.trials - len(study.get_trials(deepcopy=False)))
    one = weight(trial_member(wanted, {}, request.scale, None), request.scale)
    say("\n".join(cost_lines(Cost(missing, missing, missing * one), request.scale, None, parallel, given.mfu)))
    require_consent(given=given.yes or not missing)


@contextmanager
def open_study(path: Path, wanted: Search) -> "Iterator[optuna.Study]":
    """Open the database of a search, which is created if it does not exist."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # we print a line for each trial
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path.resolve()}")
    try:
        yield optuna.create_study(storage=storage, study_name=wanted.name, direction="minimize", load_if_exists=True)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def check_definition(study: "optuna.Study", trials: "Trials") -> None:
    """Check that the trials that are stored have the same space, base settings and text, so that they can be compared.

    Raises:
        ValueError: they have not.
    """
    space = {key: asdict(each) for key, each in trials.search.space.items()}
    definition = json.dumps([space, trials.member({}).fingerprint], sort_keys=True)
    if study.user_attrs.setdefault(_DEFINITION, definition) != definition:
        raise ValueError(
            f"the trials in {trials.where.directory}/searches/{study.study_name}.db have another space, other base "
            "settings or another text: move it away, or give the search file another name"
        )
    study.set_user_attr(_DEFINITION, definition)


def print_found(study: "optuna.Study", wanted: Search) -> None:
    """Print the best trials."""
    from experimentation.search_trials import table_lines

    print("\n".join(table_lines(study, wanted)))
