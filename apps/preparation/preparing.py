"""Preparing data: the phases in order, each skipped if it is done."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from folder_lock import lock_folder
from preparation.checksums import fingerprint
from preparation.corpora import Corpus
from preparation.errors import PreparationError
from preparation.job import DATA, Job, PreparedData, corpus_job, result_paths
from preparation.prepared import find_prepared, is_complete
from preparation.state import Figures, Inputs, Phase, State
from preparation.streams import Texts

Say = Callable[[str], None]


def prepare_corpus(name: str, vocab_size: int, *, offline: bool, root: Path = DATA, say: Say = print) -> PreparedData:
    """Prepare a corpus of the hub, as far as it is not prepared yet.

    Args:
        name: the corpus, one of `CORPORA`.
        vocab_size: the number of entries of its tokenizer.
        offline: whether to make no request; the files may be in the cache of the hub's client.
        root: the folder of all data.
        say: called with lines that say what happens.

    Raises:
        DataNotFoundError: files must be fetched, but the hub cannot be reached, or no request is allowed.
        PreparationError: something else is wrong with the data or the arguments.
        OSError: a file cannot be read or written.
    """
    job = corpus_job(name, vocab_size, root / name)
    return find_prepared(name, vocab_size, root) or prepare(job, offline=offline, say=say)


def require_corpus(name: str, vocab_size: int, *, offline: bool, root: Path = DATA) -> None:
    """Make sure, within a second, that a corpus is prepared, or that its files are at hand or can be asked for.

    Args:
        name: see `prepare_corpus`.
        vocab_size: see `prepare_corpus`.
        offline: see `prepare_corpus`.
        root: see `prepare_corpus`.

    Raises:
        DataNotFoundError: see `prepare_corpus`.
    """
    if find_prepared(name, vocab_size, root) is None:
        job = corpus_job(name, vocab_size, root / name)
        _require_files(job, State(job.results), offline=offline)


def prepare(job: Job, *, offline: bool, say: Say) -> PreparedData:
    """Do the phases that are not done, and return the results.

    Raises:
        DataNotFoundError: files must be fetched, but the hub cannot be reached, or no request is allowed.
        PreparationError: something else is wrong with the data.
        OSError: a file cannot be read or written.
    """
    from preparation.report import report_inputs, write_report

    results, state = result_paths(job.results), State(job.results)
    needs_texts = job.corpus is None or not is_complete(state, job)
    if needs_texts:  # before a folder is made for data that cannot be had
        _require_files(job, state, offline=offline)
    with lock_folder(job.results, "preparing data"):
        state = State(job.results)  # what another process has done meanwhile
        if state.phases and state.source != job.source:
            raise PreparationError(
                f"{job.results} was prepared from {state.source}: give another folder with --out, or delete it"
            )
        state.source = job.source
        _remove_unfinished(job.results)
        if needs_texts:
            _make_results(job, state, results, say)
        else:
            say("everything is prepared already")
        state.run("report", report_inputs(job, state), lambda: write_report(job, state))
    return results


def _require_files(job: Job, state: State, *, offline: bool) -> None:
    """Make sure that the files of a corpus have been fetched or can be."""
    if job.corpus is not None and not state.is_done("fetch", _fetch_inputs(job.corpus, job)):
        from preparation.hub import require_files

        require_files(job.corpus, job.settings.max_bytes, offline=offline)


def _make_results(job: Job, state: State, results: PreparedData, say: Say) -> None:
    """Do all phases but the report."""
    from preparation.phases import encode_text, train_tokenizer

    texts = _find_texts(job, state, say)
    files = {name: _fingerprints(texts.paths(name)) for name in ("train", "valid")}
    inputs: dict[str, object] = {"settings": job.settings.as_inputs(), "files": files["train"]}
    trained = _run(state, "tokenizer", inputs, lambda: train_tokenizer(texts, results.tokenizer, say), say)
    inputs["tokenizer"] = trained.outputs[results.tokenizer.name]

    def encode(name: str, path: Path) -> None:
        work = partial(encode_text, texts, name, results.tokenizer, path, say)
        _run(state, name, {**inputs, "files": files[name]}, work, say)

    encode("train", results.train_tokens)
    encode("valid", results.valid_tokens)


def _find_texts(job: Job, state: State, say: Say) -> Texts:
    """Return the files to read; those of a corpus are fetched if that has not been done."""
    if job.corpus is None:
        return Texts(job.settings, job.train_paths, job.valid_paths)
    from preparation.phases import fetch_files

    corpus = job.corpus
    fetched = state.run("fetch", _fetch_inputs(corpus, job), lambda: fetch_files(corpus, job.settings.max_bytes, say))
    paths = {
        text: tuple(
            Path(path)
            for path, file in zip(fetched.outputs, fetched.figures["files"], strict=True)
            if file["text"] == text
        )
        for text in ("train", "valid")
    }
    return Texts(job.settings, paths["train"], paths["valid"])


def _fetch_inputs(corpus: Corpus, job: Job) -> Inputs:
    names = [*corpus.train_files, *corpus.valid_files]
    return {"repository": corpus.repository, "files": names, "max_bytes": job.settings.max_bytes}


def _run(
    state: State, name: str, inputs: Inputs, work: Callable[[], tuple[Sequence[Path], Figures]], say: Say
) -> Phase:
    if state.is_done(name, inputs):
        say(f"{name}: done before, skipped")
    return state.run(name, inputs, work)


def _fingerprints(paths: Sequence[Path]) -> dict[str, str]:
    """Return the fingerprints of files that a phase reads, by name. A cache may be moved, so folders do not count."""
    return {f"{number} {path.name}": fingerprint(path) for number, path in enumerate(paths, 1)}


def _remove_unfinished(folder: Path) -> None:
    """Remove the temporary files of a process that was killed. No other process works in the folder."""
    for path in folder.glob(".*"):
        if path.name != ".lock":
            path.unlink()
