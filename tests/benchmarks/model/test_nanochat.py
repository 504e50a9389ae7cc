"""The model like nanochat's has the arithmetic of ours, and is trained."""

import pytest

torch = pytest.importorskip("torch")

from benchmarks.model.implementations import nanochat  # noqa: E402
from benchmarks.model.implementations.nanochat import NanochatStyleLM  # noqa: E402
from benchmarks.model.setup import Setup  # noqa: E402
from benchmarks.model.shapes import EMBEDDING, SHAPES, shrink  # noqa: E402
from benchmarks.model.weights import draw_tokens  # noqa: E402


@pytest.mark.parametrize("name", ["base", "leaderboard"])  # ours with a separate head, and tied
def test_its_matrix_products_have_as_many_weights_as_ours(name):
    shape = SHAPES[name]
    with torch.device("meta"):
        model = NanochatStyleLM(shape, torch.bfloat16)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    assert sum(sizes.values()) == nanochat.num_parameters(shape)
    head = shape.vocab_size * shape.d_model
    ours = sum(size[0] * size[1] for name, size in shape.sizes() if len(size) == 2 and name != EMBEDDING)
    assert sum(sizes.values()) - sizes[EMBEDDING] == ours + (head if shape.tied else 0)


def test_it_is_trained():
    torch.manual_seed(0)
    shape = shrink(SHAPES["base"])
    step = nanochat.training_step(shape, Setup("cpu", "eager"))
    tokens = draw_tokens(shape, 2, shape.context_length + 1, seed=1)
    losses = [float(step(tokens[:, :-1], tokens[:, 1:])[0]) for _ in range(30)]
    assert losses[-1] < losses[0] - 1


def test_a_position_does_not_see_later_ones():
    torch.manual_seed(0)
    shape = shrink(SHAPES["base"])
    model = NanochatStyleLM(shape, torch.float32)
    x = torch.randn(1, shape.context_length, shape.d_model)
    later = x.clone()
    later[:, 9:] += 1
    outputs = [model.blocks[0](inputs, model.cos, model.sin) for inputs in (x, later)]
    torch.testing.assert_close(outputs[0][:, :9], outputs[1][:, :9])
    assert not torch.allclose(outputs[0][:, 9:], outputs[1][:, 9:])
