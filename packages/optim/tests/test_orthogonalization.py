"""Newton–Schulz iterations: against their polynomial applied to the singular values."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from optim import newton_schulz
from optim.orthogonalization import computing_type


def naive(matrix, steps=5):
    """The polynomial applied to the singular values, by a singular value decomposition in float64."""
    u, s, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / matrix.double().norm()
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u @ torch.diag(s) @ v


@given(rows=st.integers(1, 12), columns=st.integers(1, 12), seed=st.integers(0, 1000), steps=st.integers(1, 6))
@settings(deadline=None, max_examples=50)
def test_equals_the_polynomial_of_the_singular_values(rows, columns, seed, steps):
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    ours = newton_schulz(matrix, steps, "float32")
    torch.testing.assert_close(ours.double(), naive(matrix, steps), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("shape", [(32, 32), (64, 16), (16, 64)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_singular_values_come_close_to_one(shape, precision):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    matrix = u @ torch.diag(torch.linspace(0.02, 1, len(s))) @ v  # none of them close to 0
    values = torch.linalg.svdvals(newton_schulz(matrix, precision=precision).float())
    assert values.min() > 0.6
    assert values.max() < 1.25


def test_several_matrices_give_the_same_as_each_alone():
    matrices = torch.randn(2, 3, 6, 4, generator=torch.Generator().manual_seed(0))
    together = newton_schulz(matrices, precision="float32")
    assert together.shape == matrices.shape
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(together[i, j], newton_schulz(matrices[i, j], precision="float32"))


def test_a_scaled_matrix_gives_the_same_result():
    matrix = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    expected = newton_schulz(matrix, precision="float32")
    for factor in (1e-3, 1e4):
        torch.testing.assert_close(newton_schulz(factor * matrix, precision="float32"), expected)
    assert torch.equal(newton_schulz(torch.zeros(3, 2)), torch.zeros(3, 2, dtype=newton_schulz(matrix).dtype))


def test_the_type_follows_the_precision():
    cpu = torch.device("cpu")
    assert computing_type("float32", cpu) == torch.float32
    assert computing_type("bfloat16", cpu) == torch.bfloat16
    assert computing_type("auto", torch.device("cuda")) == torch.bfloat16


@pytest.mark.parametrize(("amx", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_cpu_computes_in_bfloat16_only_if_it_has_amx(monkeypatch, amx, expected):
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"amx_bf16": amx}, raising=False)
    assert computing_type("auto", torch.device("cpu")) == expected
