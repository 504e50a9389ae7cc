import pytest
import torch

from nn import ModelConfig, SamplingConfig, TransformerLM, generate
from nn.generation import next_token_logits

GREEDY = SamplingConfig(temperature=0.0)


@pytest.fixture(scope="module")
def model():
    config = ModelConfig(vocab_size=40, context_length=24, d_model=32, num_layers=2, num_heads=4)
    return TransformerLM(config, generator=torch.Generator().manual_seed(3))


def naive_greedy(model, ids, count):
    """The whole window through the whole model, without padding, for each token."""
    ids = list(ids)
    for _ in range(count):
        logits = model(torch.tensor([ids[-model.config.context_length :]]))[0, -1]
        ids.append(int(logits.argmax()))
    return ids[-count:]


@pytest.mark.parametrize("length", [1, 5, 15, 16, 17, 24])
def test_padding_changes_nothing(model, length):
    ids = torch.randint(40, (length,)).tolist()
    with torch.no_grad():
        expected = model(torch.tensor([ids]))[0, -1]
    torch.testing.assert_close(next_token_logits(model, ids), expected, rtol=1e-5, atol=1e-5)


def test_greedy_text_equals_the_naive_way_beyond_the_context(model):
    prompt = [3, 1, 4, 1, 5]
    assert list(generate(model, prompt, 40, GREEDY)) == naive_greedy(model, prompt, 40)


def test_it_stops_at_the_end_token(model):
    text = list(generate(model, [3, 1, 4], 20, GREEDY))
    end = text[7]
    first = text.index(end)
    assert list(generate(model, [3, 1, 4], 20, GREEDY, end_token=end)) == text[:first]


def test_it_stops_at_the_limit(model):
    assert len(list(generate(model, [1], 7))) == 7
    assert list(generate(model, [1], 0)) == []


def test_a_seed_repeats_the_text(model):
    texts = [list(generate(model, [1], 30, generator=torch.Generator().manual_seed(seed))) for seed in (5, 5, 6)]
    assert texts[0] == texts[1] != texts[2]


def test_ids_come_one_at_a_time(model, monkeypatch):
    calls = []
    monkeypatch.setattr("nn.generation.next_token_logits", lambda *_: calls.append(1) or torch.arange(40.0))
    stream = generate(model, [1], 10, GREEDY)
    assert calls == []
    assert next(stream) == 39
    assert len(calls) == 1


def test_few_shapes_are_seen(model, monkeypatch):
    """einx traces each shape anew; a growing text must not make each length a shape."""
    shapes = set()
    original = TransformerLM.hidden_states

    def watched(self, ids, *rest):
        shapes.add(ids.shape)
        return original(self, ids, *rest)

    monkeypatch.setattr(TransformerLM, "hidden_states", watched)
    list(generate(model, [1], 40))
    assert shapes == {(1, 16), (1, 24)}


@pytest.mark.parametrize(
    ("prompt", "count", "message"),
    [
        ([], 5, "the prompt is empty"),
        ([1] * 25, 5, "the prompt has 25 tokens, but the model's context is 24"),
        ([1, 40], 5, "the prompt has the id 40, but the model's vocabulary is 40"),
        ([-1], 5, "the id -1"),
        ([1], -1, "max_new_tokens is -1"),
    ],
)
def test_bad_prompts_are_refused_at_the_call(model, prompt, count, message):
    with pytest.raises(ValueError, match=message):
        generate(model, prompt, count)
