"""The distributions that tokens are drawn from, against those of `transformers`."""

import pytest
import torch

from nn import SamplingConfig, next_token_probabilities

transformers = pytest.importorskip("transformers")

SETTINGS = [
    {"temperature": 0.7},
    {"top_k": 7},
    {"top_p": 0.83},
    {"min_p": 0.04},
    {"repetition_penalty": 1.3},
    {"temperature": 0.6, "top_k": 30, "top_p": 0.9, "min_p": 0.01, "repetition_penalty": 1.1},
]


def peer(logits, history, settings):
    from transformers.generation import logits_process as peers

    makers = {
        "repetition_penalty": peers.RepetitionPenaltyLogitsProcessor,
        "temperature": peers.TemperatureLogitsWarper,
        "top_k": peers.TopKLogitsWarper,
        "top_p": peers.TopPLogitsWarper,
        "min_p": peers.MinPLogitsWarper,
    }
    scores = logits[None].clone()
    for name, make in makers.items():
        if name in settings:
            scores = make(settings[name])(history[None], scores)
    return scores.softmax(-1)[0]


@pytest.mark.parametrize("settings", SETTINGS)
def test_probabilities_equal_those_of_transformers(settings):
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        logits = 3 * torch.randn(200, generator=generator)
        history = torch.randint(200, (15,), generator=generator)
        seen = torch.zeros(200, dtype=torch.bool)
        seen[history] = True
        ours = next_token_probabilities(logits, SamplingConfig(**settings), seen=seen)
        torch.testing.assert_close(ours, peer(logits, history, settings), rtol=1e-4, atol=1e-6)
