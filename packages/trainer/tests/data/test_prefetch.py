import threading
from itertools import count

import pytest
import torch

from trainer.data import Prefetcher, prefetched

CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


def batch(step):
    return torch.full((2, 3), step), torch.full((2,), -step)


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert threads() == []


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_all_batches_come_in_order(depth):
    with Prefetcher(batch, range(3, 20), CPU, depth=depth) as batches:
        got = list(batches)
        assert next(batches, None) is None
    assert [int(inputs[0, 0]) for inputs, _ in got] == list(range(3, 20))
    assert all(torch.equal(targets, torch.full((2,), -int(inputs[0, 0]))) for inputs, targets in got)


def test_on_a_cpu_each_batch_is_prepared_on_demand_without_a_thread():
    prepared = []

    def prepare(step):
        prepared.append(step)
        return batch(step)

    with prefetched(prepare, range(3, 20), CPU) as batches:
        assert threads() == []
        assert prepared == []
        assert int(next(batches)[0][0, 0]) == 3
        assert prepared == [3]
        assert [int(inputs[0, 0]) for inputs, _ in batches] == list(range(4, 20))


def test_elsewhere_a_thread_prepares_batches_in_advance():
    made = threading.Event()
    with prefetched(lambda step: made.set() or batch(step), count(1), torch.device("meta")) as batches:
        assert len(threads()) == 1
        assert made.wait(30)
        assert next(batches)[0].is_meta


def test_no_more_batches_are_prepared_in_advance_than_asked_for():
    made = []
    third = threading.Event()

    def prepare(step):
        made.append(step)
        if step == 3:
            third.set()
        return batch(step)

    with Prefetcher(prepare, count(1), CPU, depth=3) as batches:
        assert third.wait(30)
        assert made == [1, 2, 3]
        next(batches)
    assert made in ([1, 2, 3], [1, 2, 3, 4])


@pytest.mark.parametrize("make", [Prefetcher, prefetched])
def test_an_error_is_raised_where_its_batch_is_asked_for(make):
    def prepare(step):
        if step == 3:
            raise OSError("the disk is gone")
        return batch(step)

    with make(prepare, count(1), CPU, depth=4) as batches:
        assert [int(next(batches)[0][0, 0]) for _ in range(2)] == [1, 2]
        with pytest.raises(OSError, match="the disk is gone"):
            next(batches)


@pytest.mark.parametrize("make", [Prefetcher, prefetched])
def test_the_thread_ends_after_an_interruption(make):
    with (
        pytest.raises(KeyboardInterrupt),
        make(batch, count(1), CPU) as batches,
    ):
        next(batches)
        raise KeyboardInterrupt


def test_there_are_no_batches_after_close():
    batches = Prefetcher(batch, count(1), CPU)
    next(batches)
    batches.close()
    batches.close()
    assert list(batches) == []


def test_a_depth_of_zero_is_refused():
    with pytest.raises(ValueError, match="depth is 0: it must be at least 1"):
        Prefetcher(batch, range(3), CPU, depth=0)


@needs_cuda
def test_on_a_gpu_batches_are_complete_when_they_are_used():
    device = torch.device("cuda")
    total = torch.zeros((), dtype=torch.int64, device=device)
    busy = torch.randn(1024, 1024, device=device)
    with prefetched(lambda step: (torch.full((512, 1024), step),), range(1, 101), device) as batches:
        for (ids,) in batches:
            assert ids.device.type == "cuda"
            total += ids.sum()
            busy = (busy @ busy).clamp(-1, 1)  # keeps the model's stream behind the copying one
    assert int(total) == 512 * 1024 * sum(range(1, 101))
