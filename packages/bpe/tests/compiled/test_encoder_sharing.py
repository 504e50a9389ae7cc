"""A tokenizer with kernels in several threads, in copies and in other processes."""

import copy
import multiprocessing
import pickle
import random
import threading

import pytest

pytest.importorskip("numba", reason="needs numba")
from bpe.compiled import encoder

from ..conftest import SCRIPTS


def test_ids_stay_valid_while_the_tokenizer_is_used(pairs, tmp_path, monkeypatch):
    """An array is valid until the next one is requested, even if the tokenizer is used in between."""
    reference, compiled = pairs["gpt2"]
    monkeypatch.setattr(encoder, "CHUNK_BYTES", 64)
    path = tmp_path / "text"
    text = "to be or not to be, that is the question; " * 20
    path.write_text(text)
    specials = compiled._specials
    for num_threads in (1, 2):
        ids = []
        for run in compiled._compiled(1).file_runs(path, specials, num_threads):
            compiled.encode("quite another text " * 10)
            ids += run.tolist()
        assert ids == reference.encode(text)
    ids = []
    for run in compiled._compiled(1).runs(text, specials):
        compiled.encode("quite another text " * 10)
        ids += run.tolist()
    assert ids == reference.encode(text)


def test_many_threads_share_a_tokenizer(pairs, python_manual):
    reference, compiled = pairs["trained"]
    documents = [python_manual[k : k + 20_000] for k in range(0, 400_000, 20_000)]
    expected = [reference.encode(document) for document in documents]
    wrong = []

    def work(seed):
        order = list(range(len(documents)))
        random.Random(seed).shuffle(order)
        wrong.extend(k for k in order if compiled.encode(documents[k]) != expected[k])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_copies_after_use(pairs):
    compiled = pairs["gpt2"].compiled
    expected = compiled.encode(SCRIPTS)
    for other in (pickle.loads(pickle.dumps(compiled)), copy.deepcopy(compiled), copy.copy(compiled)):
        assert other.encode(SCRIPTS) == expected


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_use_in_other_processes(pairs, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    compiled = pairs["odd"].compiled
    expected = compiled.encode(SCRIPTS)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply_async(compiled.encode, (SCRIPTS,)).get(timeout=60) == expected
