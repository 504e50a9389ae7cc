import math

import pytest
import torch

from nn import DrawnToken, ModelConfig, TransformerLM, context_window, score


def make_model(**options):
    config = ModelConfig(vocab_size=40, context_length=24, d_model=32, num_layers=2, num_heads=4, **options)
    return TransformerLM(config, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def model():
    return make_model()


@torch.no_grad()
def by_definition(model, ids, count):
    """Each token alone: the log-softmax of the logits after the tokens that the model reads before it."""
    tokens = []
    for place in range(1, len(ids)):
        window = context_window(ids[:place], model.config.context_length)
        padded = window + [39] * (model.config.context_length - len(window))  # one shape, which einx traces once
        logits = model(torch.tensor([padded]))[0, len(window) - 1].double()
        logs = logits.log_softmax(-1)
        best = logs.argsort(descending=True)[:count]
        tokens.append((ids[place], float(logs[ids[place]]), [(int(i), float(logs[i])) for i in best]))
    return tokens


def assert_equal(tokens, expected):
    assert [token.id for token in tokens] == [token_id for token_id, _, _ in expected]
    assert [token.log_probability for token in tokens] == pytest.approx([p for _, p, _ in expected], abs=1e-4)
    for token, (_, _, alternatives) in zip(tokens, expected, strict=True):
        assert [i for i, _ in token.alternatives] == [i for i, _ in alternatives]
        assert [p for _, p in token.alternatives] == pytest.approx([p for _, p in alternatives], abs=1e-4)


@pytest.mark.parametrize("length", [2, 3, 9, 24, 25, 26, 37, 38, 60])
def test_each_token_has_the_log_softmax_of_what_the_model_reads_before_it(model, length):
    ids = torch.randint(40, (length,)).tolist()
    assert_equal(score(model, ids, 3), by_definition(model, ids, 3))


@pytest.mark.parametrize("options", [{"separator_token": 3, "window": 5}, {"logit_soft_cap": 2.0}])
def test_variants_of_the_model(options):
    ids = torch.randint(40, (40,)).tolist()
    assert_equal(score(make_model(**options), ids, 2), by_definition(make_model(**options), ids, 2))


def test_logits_exist_for_few_tokens_at_a_time(model, monkeypatch):
    ids = torch.randint(40, (20,)).tolist()
    expected = score(model, ids, 2)
    monkeypatch.setattr("nn.scoring._CHUNK_LOGITS", 5 * 40)
    rows = []
    original = TransformerLM.logits
    monkeypatch.setattr(TransformerLM, "logits", lambda *given: rows.append(len(given[1])) or original(*given))
    found = score(model, ids, 2)
    assert max(rows) == 5
    assert [token.id for token in found] == [token.id for token in expected]
    assert [t.log_probability for t in found] == pytest.approx([t.log_probability for t in expected], abs=1e-5)


def test_the_whole_vocabulary_as_alternatives_is_a_distribution(model):
    (token,) = score(model, [1, 2], 40)
    assert sum(math.exp(p) for _, p in token.alternatives) == pytest.approx(1, abs=1e-5)
    assert dict(token.alternatives)[2] == token.log_probability


def test_nothing_comes_before_the_first_token(model):
    assert score(model, [5]) == score(model, []) == []
    assert isinstance(score(model, [5, 6])[0], DrawnToken)


@pytest.mark.parametrize(
    ("ids", "count", "message"),
    [
        ([1, 40], 0, "the text contains the id 40, but the ids of the model's vocabulary go from 0 to 39"),
        ([1, 2], 41, "num_alternatives is 41"),
    ],
)
def test_bad_input_is_refused(model, ids, count, message):
    with pytest.raises(ValueError, match=message):
        score(model, ids, count)


def test_a_diverged_model_is_reported():
    model = make_model()
    with torch.no_grad():
        model.lm_head.weight[3, 0] = torch.nan
    with pytest.raises(ValueError, match="logits are not finite"):
        score(model, [1, 2])
