import pytest
import torch

from nn.recording import record


def targets(recorded):
    return [node.target for node in recorded.graph.nodes if node.op == "call_function"]


def test_other_values_of_the_same_shape():
    weight = torch.randn(5, 3)
    calls = []

    def function(x):
        calls.append(1)
        return (x @ weight).softmax(-1) * 2

    recorded = record(function, torch.randn(4, 5))
    for _ in range(3):
        x = torch.randn(4, 5)
        assert torch.equal(recorded(x), (x @ weight).softmax(-1) * 2)
    assert calls == [1]


def test_weights_are_read_and_memory_is_written_at_each_replay():
    weight, memory = torch.randn(3), torch.zeros(4, 3)

    def function(x, place):
        memory[place] = x * weight.view(1, 3)
        return memory.sum(0) + memory[0]

    recorded = record(function, torch.ones(3), torch.tensor([0]))
    memory.zero_()
    weight.fill_(2.0)
    assert recorded(torch.ones(3), torch.tensor([1])).tolist() == [2, 2, 2]
    assert recorded(torch.ones(3), torch.tensor([0])).tolist() == [6, 6, 6]
    assert memory.tolist() == [[2, 2, 2], [2, 2, 2], [0, 0, 0], [0, 0, 0]]


def test_memory_read_before_and_after_a_write_is_read_twice():
    memory = torch.zeros(2)

    def function(x):
        before = memory * 1
        view = memory.view(2, 1)
        first = view * 1
        memory[:1].add_(x[:1])
        memory[1:].add_(x[1:])
        return before + 10 * (memory * 1) + 100 * first[:, 0] + 1000 * (view * 1)[:, 0]

    recorded = record(function, torch.ones(2))
    memory.zero_()
    assert recorded(torch.ones(2)).tolist() == [1010, 1010]
    assert recorded(torch.ones(2)).tolist() == [2121, 2121]


def test_random_numbers_are_drawn_at_each_replay():
    recorded = record(lambda x: x + torch.rand(3) + torch.rand(3), torch.zeros(3))
    one, other = recorded(torch.zeros(3)), recorded(torch.zeros(3))
    assert not torch.equal(one, other)
    torch.manual_seed(1)
    expected = torch.rand(3) + torch.rand(3)
    torch.manual_seed(1)
    torch.testing.assert_close(recorded(torch.zeros(3)), expected)


def test_constants_are_computed_once():
    recorded = record(lambda x: x + torch.arange(6).view(2, 3).float().sin(), torch.zeros(2, 3))
    assert targets(recorded) == [torch.ops.aten.add.Tensor]


def test_large_constants_are_not_stored():
    weight = torch.randn(300, 300)
    recorded = record(lambda x: x @ (weight * 2).T, torch.randn(1, 300))
    assert torch.ops.aten.mul.Tensor in targets(recorded)
    assert sum(buffer.numel() for buffer in recorded.buffers()) < weight.numel() + 1


def test_repeated_computations_are_shared():
    recorded = record(lambda x: x.exp() + x.exp() * x.exp(), torch.randn(3))
    assert targets(recorded).count(torch.ops.aten.exp.default) == 1


@pytest.mark.parametrize("shape", [(2, 6), (4, 3)])
def test_views_of_views_are_merged(shape):
    def function(x):
        return x.view(3, 4).view(12).unsqueeze(0).view(2, 6).unsqueeze(1).view(shape) + 1

    recorded = record(function, torch.arange(12.0).view(2, 6))
    assert len(targets(recorded)) == (1 if shape == (2, 6) else 2)
    x = torch.randn(2, 6)
    assert torch.equal(recorded(x), function(x))


def test_views_that_reorder_elements_are_kept():
    def function(x):
        return x.view(3, 4).T.reshape(12).view(4, 3).T.unsqueeze(0).expand(2, 3, 4) + x.view(1, 3, 4)

    recorded = record(function, torch.randn(2, 6))
    x = torch.randn(2, 6)
    assert torch.equal(recorded(x), function(x))
