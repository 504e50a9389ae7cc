import pytest
import torch

from nn.interchange.rotary_layout import halves_to_pairs, pairs_to_halves


@pytest.mark.parametrize(("heads", "pairs"), [(1, 1), (1, 4), (3, 1), (4, 5)])
def test_rows_are_reordered_as_described(heads, pairs):
    rows = torch.arange(heads * 2 * pairs)[:, None].repeat(1, 3)
    halves = pairs_to_halves(rows, heads)
    for head in range(heads):
        start = head * 2 * pairs
        expected = [*range(start, start + 2 * pairs, 2), *range(start + 1, start + 2 * pairs, 2)]
        assert halves[start : start + 2 * pairs, 0].tolist() == expected
    assert halves_to_pairs(halves, heads).equal(rows)
