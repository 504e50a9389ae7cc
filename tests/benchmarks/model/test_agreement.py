"""The other models compute what ours computes, and a difference is noticed."""

import pytest

from benchmarks.common.workers import WorkerError
from benchmarks.model.implementations import plain
from benchmarks.model.sections import training
from benchmarks.model.tasks import agreement


@pytest.mark.parametrize("shape", ["base", "gpt2-small"])  # with a separate head, and tied
@pytest.mark.parametrize("library", ["plain", "transformers"])
def test_peers_compute_what_ours_computes(prepare, library, shape):
    facts, _measure = prepare("agree", library=library, shape=shape)
    assert facts["logits"] < 1e-5
    assert facts["loss"] < 1e-6
    assert facts["gradients"] < 1e-5
    assert facts["ids"] is True


def test_a_peer_that_computes_something_else_is_not_timed(in_process, settings, monkeypatch):
    monkeypatch.setattr(plain, "rotate", lambda x, _cos, _sin: x)
    with pytest.raises(WorkerError, match="plain, base: the logits differ from ours by"):
        training.train(settings(shapes=("base",)))


def test_gradients_are_compared_one_by_one(prepare, monkeypatch):
    compute = agreement.compute

    def altered(name, shape, device):
        found = compute(name, shape, device)
        if name == "plain":
            found["gradients"]["final_norm.weight"] *= 1.01
        return found

    monkeypatch.setattr(agreement, "compute", altered)
    assert prepare("agree", library="plain")[0]["gradients"] == pytest.approx(0.01, rel=1e-3)
