import math

import pytest
import torch
from hypothesis import given, strategies as st

from nn import SamplingConfig, next_token_probabilities, sample, softmax
from nn.sampling import NO_TOKEN, draw

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, 0.5])


def naive(logits, config, seen):
    """One token after another, in plain Python."""
    penalty = config.repetition_penalty
    scores = [x / penalty if x > 0 else x * penalty for x in logits]
    scores = [new if is_seen else old for new, old, is_seen in zip(scores, logits, seen, strict=True)]
    weights = [math.exp((x - max(scores)) / config.temperature) for x in scores]
    ranked = sorted(range(len(weights)), key=lambda i: -weights[i])[: config.top_k]
    total = sum(weights[i] for i in ranked)
    kept, reached = [], 0.0
    for i in ranked:
        if reached >= config.top_p * total:
            break
        reached += weights[i]
        if weights[i] >= config.min_p * weights[ranked[0]]:
            kept.append(i)
    total = sum(weights[i] for i in kept)
    return [weights[i] / total if i in kept else 0.0 for i in range(len(weights))]


# Odd fractions, so that no sum of probabilities is so close to a limit that rounding decides.
configs = st.builds(
    SamplingConfig,
    temperature=st.sampled_from([0.3, 0.7, 1.0, 2.0]),
    top_k=st.none() | st.integers(1, 12),
    top_p=st.sampled_from([0.0521, 0.3111, 0.9013, 1.0]),
    min_p=st.sampled_from([0.0, 0.0503, 0.2507, 0.9101]),
    repetition_penalty=st.sampled_from([0.8017, 1.0, 1.3019]),
)
rows = st.lists(st.integers(-400, 400), min_size=1, max_size=10, unique=True)


@given(logits=rows, bits=st.integers(0, 1023), config=configs)
def test_probabilities_equal_the_naive_way(logits, bits, config):
    logits = [x / 100 for x in logits]
    seen = [bool(bits >> i & 1) for i in range(len(logits))]
    ours = next_token_probabilities(torch.tensor(logits), config, torch.tensor(seen))
    torch.testing.assert_close(ours.tolist(), naive(logits, config, seen), rtol=1e-4, atol=1e-5)


@given(logits=st.lists(rows, min_size=2, max_size=3), config=configs, seed=st.integers(0, 99))
def test_a_row_does_not_depend_on_the_others_and_only_probable_tokens_are_drawn(logits, config, seed):
    width = min(map(len, logits))
    logits = torch.tensor([row[:width] for row in logits]) / 100
    seen = torch.rand(logits.shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    together = next_token_probabilities(logits, config, seen)
    alone = [next_token_probabilities(row, config, mask) for row, mask in zip(logits, seen, strict=True)]
    torch.testing.assert_close(together, torch.stack(alone))
    drawn = sample(logits, config, torch.Generator().manual_seed(seed), seen=seen)
    assert (together.gather(-1, drawn.unsqueeze(-1)) > 0).all()


@pytest.mark.parametrize("spread", [0.01, 3.0])  # the set of top-p is nearly everything, or a few tokens
@pytest.mark.parametrize("top_k", [None, 700])
def test_a_large_vocabulary_equals_the_naive_way(spread, top_k):
    logits = spread * torch.randn(2_000)
    config = SamplingConfig(0.9, top_k, 0.8013)
    ours = next_token_probabilities(logits, config)
    expected = naive(logits.tolist(), config, [False] * 2_000)
    torch.testing.assert_close(ours.tolist(), expected, rtol=1e-4, atol=1e-6)


def test_temperature_zero_is_greedy():
    assert next_token_probabilities(LOGITS, SamplingConfig(temperature=0.0)).tolist() == [1, 0, 0, 0, 0]
    assert sample(LOGITS.expand(3, 5), SamplingConfig(temperature=0.0)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-50, 5e-324])
def test_a_tiny_temperature_is_greedy(temperature):
    probabilities = next_token_probabilities(LOGITS, SamplingConfig(temperature=temperature))
    assert probabilities.tolist() == [1, 0, 0, 0, 0]


def test_top_p_takes_the_smallest_set_that_reaches_p():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    for top_p, size in [(0.4, 1), (0.6, 2), (0.79, 2), (0.9, 3), (0.97, 4), (1.0, 4)]:
        kept = next_token_probabilities(logits, SamplingConfig(top_p=top_p)) > 0
        assert kept.tolist() == [True] * size + [False] * (4 - size)


def test_draws_follow_the_probabilities():
    generator = torch.Generator().manual_seed(1)
    draws = sample(LOGITS.expand(20_000, 5), SamplingConfig(), generator)
    frequencies = torch.bincount(draws, minlength=5) / 20_000
    torch.testing.assert_close(frequencies, softmax(LOGITS, 0), rtol=0, atol=0.02)


@pytest.mark.parametrize("config", [SamplingConfig(1.5, 4, 0.95, 0.05, 1.7), SamplingConfig(top_p=0.8)])
def test_draws_follow_the_filtered_probabilities(config):
    seen = torch.tensor([True, False, True, False, False])
    draws = sample(LOGITS.expand(20_000, 5), config, torch.Generator().manual_seed(1), seen=seen.expand(20_000, 5))
    frequencies = torch.bincount(draws, minlength=5) / 20_000
    probabilities = next_token_probabilities(LOGITS, config, seen)
    torch.testing.assert_close(frequencies, probabilities, rtol=0, atol=0.02)
    assert 0 < (probabilities == 0).sum() < 4


def test_greedy_penalizes_too():
    seen = torch.tensor([True, False, False, False, False])
    config = SamplingConfig(temperature=0.0, repetition_penalty=2.5)
    assert sample(LOGITS, SamplingConfig(temperature=0.0), seen=seen) == 0
    assert sample(LOGITS, config, seen=seen) == 1
    assert next_token_probabilities(LOGITS, config, seen).tolist() == [0, 1, 0, 0, 0]


@pytest.mark.parametrize("function", [sample, next_token_probabilities])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_penalty_needs_the_tokens_seen(function, temperature):
    config = SamplingConfig(temperature, repetition_penalty=1.1)
    with pytest.raises(ValueError, match=r"repetition_penalty is 1\.1, .* give `seen`"):
        function(LOGITS, config)


def test_seen_of_another_shape_is_refused(unchecked):
    with pytest.raises(ValueError, match=r"`seen` has the shape \(3,\)"):
        sample(LOGITS, SamplingConfig(repetition_penalty=1.1), seen=torch.ones(3, dtype=torch.bool))


@pytest.mark.parametrize("top_p", [1e-9, 1e-50, 5e-324])
def test_a_tiny_top_p_takes_the_first_token(top_p):
    assert next_token_probabilities(LOGITS, SamplingConfig(top_p=top_p)).tolist() == [1, 0, 0, 0, 0]


def test_logits_need_not_be_contiguous():
    logits = torch.randn(5, 40).T
    draws = [sample(x, SamplingConfig(), torch.Generator().manual_seed(3)) for x in (logits, logits.contiguous())]
    assert torch.equal(*draws)


def test_a_seed_repeats_the_draws():
    draws = [sample(LOGITS.expand(50, 5), SamplingConfig(), torch.Generator().manual_seed(7)) for _ in range(2)]
    assert torch.equal(*draws)


@pytest.mark.parametrize("row", [[float("nan"), 1.0], [float("inf"), 0.0], [-float("inf"), -float("inf")]])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_not_finite_are_refused(row, temperature):
    with pytest.raises(ValueError, match="logits are not finite"):
        sample(torch.tensor(row), SamplingConfig(temperature))


def test_a_forbidden_token_is_never_drawn():
    logits = torch.tensor([0.0, -torch.inf, 0.0])
    assert 1 not in sample(logits.expand(500, 3), SamplingConfig())


@pytest.mark.parametrize("config", [SamplingConfig(0.0), SamplingConfig(), SamplingConfig(top_k=3, top_p=0.9)], ids=str)
def test_draw_marks_the_rows_that_are_not_finite(config):
    rows = [[0.0, 9.0, 0.0, 0.0], [0.0, torch.nan, 1.0, 0.0], [0.0, torch.inf, 1.0, 0.0], [-torch.inf] * 4]
    assert draw(torch.tensor(rows), config, torch.full((4,), 0.5)).tolist() == [1, *[NO_TOKEN] * 3]


def test_a_uniform_number_that_was_rounded_up_to_1_draws_the_last_token():
    assert draw(torch.zeros(5), SamplingConfig(), torch.tensor(1.0)) == 4


def test_draw_needs_a_uniform_number_unless_it_is_greedy():
    with pytest.raises(ValueError, match=r"temperature is 1\.0, which needs a uniform number"):
        draw(LOGITS, SamplingConfig(), None)
