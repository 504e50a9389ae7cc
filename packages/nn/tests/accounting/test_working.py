import pytest
import torch
from sizes import Sizes

from nn import linear_cross_entropy
from nn.accounting.working import default_chunk


@pytest.mark.parametrize("tokens", [1, 900, 1024, 1025, 2_000, 16_384, 16_385, 40_000])
def test_the_chunk_is_the_one_that_the_loss_chooses(tokens):
    hidden, weight, targets = torch.ones(tokens, 1), torch.ones(200, 1), torch.zeros(tokens, dtype=torch.long)
    with Sizes() as ours, torch.no_grad():
        linear_cross_entropy(hidden, weight, targets)
    assert ours.largest == 200 * default_chunk(tokens)
