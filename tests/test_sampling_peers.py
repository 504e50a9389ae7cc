"""Our distributions of the next token, compared with those of `transformers`."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from nn import SamplingConfig, next_token_probabilities

CONFIGS = [
    SamplingConfig(temperature=0.7),
    SamplingConfig(top_k=20),
    SamplingConfig(top_p=0.9),
    SamplingConfig(min_p=0.05),
    SamplingConfig(repetition_penalty=1.3),
    SamplingConfig(repetition_penalty=0.7),
    SamplingConfig(0.7, top_k=50, top_p=0.9),
    SamplingConfig(1.5, top_k=200, top_p=0.97, min_p=0.02, repetition_penalty=1.2),
    SamplingConfig(0.6, top_p=0.8, min_p=0.3, repetition_penalty=1.05),
    SamplingConfig(3.0, top_p=0.999, min_p=0.01),
]


def theirs(logits, ids, config):
    """The probabilities from which their `generate` draws: its filters in its order."""
    processors = [RepetitionPenaltyLogitsProcessor(float(config.repetition_penalty))]
    processors += [TemperatureLogitsWarper(config.temperature)]
    processors += [] if config.top_k is None else [TopKLogitsWarper(config.top_k)]
    processors += [TopPLogitsWarper(config.top_p), MinPLogitsWarper(config.min_p)]
    return torch.softmax(LogitsProcessorList(processors)(ids, logits), -1)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_probabilities_equal_transformers(config):
    generator = torch.Generator().manual_seed(11)
    logits = 3 * torch.randn(4, 1_000, generator=generator)
    ids = torch.randint(1_000, (4, 60), generator=generator)
    seen = torch.zeros(4, 1_000, dtype=torch.bool).scatter(-1, ids, True)
    torch.testing.assert_close(next_token_probabilities(logits, config, seen), theirs(logits, ids, config))


def test_their_generate_draws_from_our_probabilities():
    """The order of the filters above is the one in which their `generate` applies them."""
    torch.manual_seed(11)
    shape = {"vocab_size": 300, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    model = LlamaForCausalLM(LlamaConfig(**shape, num_attention_heads=2, max_position_embeddings=32, eos_token_id=None))
    model.lm_head.weight.data.mul_(50)  # logits as far apart as those of a trained model
    settings = {"temperature": 1.5, "top_k": 60, "top_p": 0.93, "min_p": 0.04, "repetition_penalty": 1.4}
    text = model.generate(
        prompt := torch.tensor([[5, 8, 13]]),
        attention_mask=torch.ones_like(prompt),
        do_sample=True,
        max_new_tokens=12,
        return_dict_in_generate=True,
        output_scores=True,
        output_logits=True,
        **settings,
    )
    for step, (logits, scores) in enumerate(zip(text.logits, text.scores, strict=True)):
        seen = torch.zeros(1, 300, dtype=torch.bool).scatter(-1, text.sequences[:, : 3 + step], True)
        ours = next_token_probabilities(logits, SamplingConfig(**settings), seen)
        torch.testing.assert_close(ours, torch.softmax(scores, -1))
