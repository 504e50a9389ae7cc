import threading
from itertools import count

import pytest
import torch

from trainer.data.prefetch import Prefetcher

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


@pytest.mark.parametrize("threaded", [True, False])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_batches_come_in_order_and_all_of_them(threaded, depth):
    with Prefetcher(batch, range(3, 20), CPU, depth=depth, threaded=threaded) as batches:
        got = list(batches)
        assert next(batches, None) is None
    assert [int(inputs[0, 0]) for inputs, _ in got] == list(range(3, 20))
    assert all(torch.equal(targets, torch.full((2,), -int(inputs[0, 0]))) for inputs, targets in got)


def test_on_a_cpu_there_is_no_thread_unless_asked_for():
    with Prefetcher(batch, count(1), CPU):
        assert threads() == []
    with Prefetcher(batch, count(1), CPU, threaded=True):
        assert len(threads()) == 1


def test_it_works_ahead_but_not_farther_than_asked():
    made = []
    third = threading.Event()

    def prepare(step):
        made.append(step)
        if step == 3:
            third.set()
        return batch(step)

    with Prefetcher(prepare, count(1), CPU, depth=3, threaded=True) as batches:
        assert third.wait(30)
        assert made == [1, 2, 3]
        next(batches)
    assert made in ([1, 2, 3], [1, 2, 3, 4])


@pytest.mark.parametrize("threaded", [True, False])
def test_an_error_comes_where_its_batch_would(threaded):
    def prepare(step):
        if step == 3:
            raise OSError("the disk is gone")
        return batch(step)

    with Prefetcher(prepare, count(1), CPU, depth=4, threaded=threaded) as batches:
        assert [int(next(batches)[0][0, 0]) for _ in range(2)] == [1, 2]
        with pytest.raises(OSError, match="the disk is gone"):
            next(batches)


@pytest.mark.parametrize("threaded", [True, False])
def test_after_an_interruption_nothing_is_left(threaded):
    with (
        pytest.raises(KeyboardInterrupt),
        Prefetcher(batch, count(1), CPU, threaded=threaded) as batches,
    ):
        next(batches)
        raise KeyboardInterrupt


@pytest.mark.parametrize("threaded", [True, False])
def test_closed_means_the_end(threaded):
    batches = Prefetcher(batch, count(1), CPU, threaded=threaded)
    next(batches)
    batches.close()
    batches.close()
    assert list(batches) == []


def test_a_depth_of_nothing_is_refused():
    with pytest.raises(ValueError, match="depth is 0: it must be at least 1"):
        Prefetcher(batch, range(3), CPU, depth=0)


@needs_cuda
def test_on_a_gpu_batches_arrive_whole():
    device = torch.device("cuda")
    total = torch.zeros((), dtype=torch.int64, device=device)
    busy = torch.randn(1024, 1024, device=device)
    with Prefetcher(lambda step: (torch.full((512, 1024), step),), range(1, 101), device) as batches:
        for (ids,) in batches:
            assert ids.device.type == "cuda"
            total += ids.sum()
            busy = (busy @ busy).clamp(-1, 1)  # keeps the model's stream behind the one that copies
    assert int(total) == 512 * 1024 * sum(range(1, 101))
