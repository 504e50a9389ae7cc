import pytest
import torch
from sizes import Sizes

from nn import linear_cross_entropy
from nn.accounting.working import default_chunk
from nn.loss import default_chunk as chunk_of_the_loss

TOKENS = [1, 900, 1024, 1025, 2_000, 16_384, 16_385, 40_000]


@pytest.mark.parametrize("tokens", TOKENS)
def test_the_chunk_is_the_one_that_the_loss_chooses(tokens):
    hidden, weight, targets = torch.ones(tokens, 1), torch.ones(200, 1), torch.zeros(tokens, dtype=torch.long)
    with Sizes() as ours, torch.no_grad():
        linear_cross_entropy(hidden, weight, targets)
    assert ours.largest == 200 * default_chunk(tokens, 200, accelerator=False)


@pytest.mark.parametrize("vocabulary", [1, 256, 50_257, 2**19, 2**19 + 1, 2**30])
@pytest.mark.parametrize("accelerator", [False, True])
def test_the_rule_is_that_of_the_loss_on_every_device(vocabulary, accelerator):
    for tokens in TOKENS:
        ours = default_chunk(tokens, vocabulary, accelerator=accelerator)
        assert ours == chunk_of_the_loss(tokens, vocabulary, accelerator=accelerator)
