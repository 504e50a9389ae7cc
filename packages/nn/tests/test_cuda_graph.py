"""In which order a function is run, captured and replayed, with stand-ins for torch's CUDA functions."""

from contextlib import contextmanager, nullcontext

import pytest
import torch

from nn.cuda_graph import CudaGraph


class Stream:
    def wait_stream(self, other):
        pass


@pytest.fixture
def events(monkeypatch):
    events = []

    class Graph:
        def replay(self):
            events.append("replay")

    @contextmanager
    def capture(graph, capture_error_mode):
        events.append(f"capture, {capture_error_mode}")
        yield
        events.append("end of capture")

    stand_ins = {"CUDAGraph": Graph, "graph": capture, "Stream": Stream, "current_stream": Stream}
    for name, stand_in in {**stand_ins, "stream": nullcontext, "device": nullcontext}.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    return events


def test_the_first_call_runs_the_second_captures_and_all_later_ones_replay(events, unchecked):
    graph = CudaGraph(lambda: events.append("run"), torch.device("cuda"))
    calls = []
    for _ in range(4):
        graph()
        calls.append([*events])
        events.clear()
    assert calls == [["run"], ["capture, thread_local", "run", "end of capture", "replay"], ["replay"], ["replay"]]


def test_a_function_that_fails_fails_again(events, unchecked):
    def fail():
        raise RuntimeError("out of memory")

    graph = CudaGraph(fail, torch.device("cuda"))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of memory"):
            graph()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_replays_on_a_gpu_continue_from_the_calls_before():
    total = torch.zeros(3, device="cuda")
    graph = CudaGraph(lambda: total.mul_(2).add_(1) and None, total.device)
    for _ in range(5):
        graph()
    assert total.tolist() == [31, 31, 31]
