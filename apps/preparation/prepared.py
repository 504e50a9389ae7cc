"""Finding data that is prepared already."""

from pathlib import Path

from preparation.corpora import CORPORA
from preparation.job import DATA, Job, PreparedData, corpus_job, result_paths, results_folder
from preparation.state import State

_RESULTS = ("tokenizer", "train", "valid")


def find_prepared(name: str, vocab_size: int, root: Path = DATA) -> PreparedData | None:
    """Return the prepared data of a corpus if it is complete. This takes milliseconds and no network.

    Args:
        name: the corpus, one of `CORPORA` or the name of another folder in `root`.
        vocab_size: the number of entries of its tokenizer.
        root: the folder of all data.
    """
    job = corpus_job(name, vocab_size, root / name) if name in CORPORA else None
    results = results_folder(root / name, vocab_size)
    return result_paths(results) if is_complete(State(results), job) else None


def is_complete(state: State, job: Job | None = None) -> bool:
    """Return whether tokenizer and token files are complete and belong together, and are those of a job of the hub."""
    if not all(map(state.is_done, _RESULTS)):
        return False
    phases = [state.phases[name] for name in _RESULTS]
    if job is not None and (
        state.source != job.source or any(phase.inputs.get("settings") != job.settings.as_inputs() for phase in phases)
    ):
        return False
    tokenizer, train, valid = phases
    made = tokenizer.outputs.get("tokenizer.json")
    return made is not None and train.inputs.get("tokenizer") == made == valid.inputs.get("tokenizer")
