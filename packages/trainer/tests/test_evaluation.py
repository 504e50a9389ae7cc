import math

import torch

from nn import ModelConfig, TransformerLM, cross_entropy
from trainer import evaluate, perplexity


def test_every_target_weighs_the_same():
    model = TransformerLM(ModelConfig(vocab_size=31, context_length=8, d_model=16, num_layers=1, num_heads=2))
    inputs, targets = torch.randint(31, (5, 8)), torch.randint(31, (5, 8))
    whole = cross_entropy(model(inputs), targets).item()
    parts = evaluate(model, [(inputs[:4], targets[:4]), (inputs[4:], targets[4:])])
    assert abs(parts - whole) < 1e-5


def test_it_leaves_no_gradients_and_the_mode_as_it_was():
    model = TransformerLM(ModelConfig(vocab_size=31, context_length=8, d_model=16, num_layers=1, num_heads=2))
    ids = torch.randint(31, (2, 8))
    for mode in (True, False):
        model.train(mode)
        evaluate(model, [(ids, ids)])
        assert model.training is mode
    assert all(parameter.grad is None for parameter in model.parameters())


def test_perplexity():
    assert abs(perplexity(math.log(50)) - 50) < 1e-9
    assert perplexity(1e6) == math.inf
