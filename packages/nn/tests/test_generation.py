import pytest
import torch

from nn import (
    ModelConfig,
    SamplingConfig,
    TransformerLM,
    context_window,
    generate,
    generate_batch,
    generate_tokens,
    score,
)

GREEDY = SamplingConfig(temperature=0.0)


@pytest.fixture(scope="module")
def model():
    config = ModelConfig(vocab_size=40, context_length=24, d_model=32, num_layers=2, num_heads=4)
    return TransformerLM(config, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def naive_greedy(model, ids, count, penalty=1.0):
    """The whole model without a cache, for each token.

    Padding after the text, which no token attends to, makes all lengths one shape, which einx traces once.
    """
    text, seen = list(ids), list(ids)
    context = model.config.context_length
    for _ in range(count):
        if len(seen) > context:
            seen = seen[-(context // 2) :]
        logits = model(torch.tensor([seen + [39] * (context - len(seen))]))[0, len(seen) - 1]
        known = torch.tensor(sorted(set(text)))
        logits[known] = torch.where(logits[known] > 0, logits[known] / penalty, logits[known] * penalty)
        token_id = int(logits.argmax())
        text.append(token_id)
        seen.append(token_id)
    return text[len(ids) :]


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.mark.parametrize("compile", ["off", "record"])
@pytest.mark.parametrize("length", [1, 5, 15, 16, 17, 23, 24])
def test_greedy_text_equals_the_naive_way_far_beyond_the_context(model, length, compile):
    prompt = torch.randint(40, (length,)).tolist()
    assert list(generate(model, prompt, 50, GREEDY, compile=compile)) == naive_greedy(model, prompt, 50)


@pytest.mark.parametrize("context_length", [1, 2, 3])
def test_the_shortest_contexts(context_length):
    config = ModelConfig(vocab_size=40, context_length=context_length, d_model=32, num_layers=1, num_heads=4)
    model = TransformerLM(config)
    with torch.no_grad():
        ids = list(generate(model, [1], 10, GREEDY))
    assert len(ids) == 10
    if context_length > 1:
        assert ids == naive_greedy(model, [1], 10)


def test_it_stops_at_a_stop_token(model):
    text = list(generate(model, [3, 1, 4], 20, GREEDY))
    for ends in ([text[7]], [text[7], text[3]], {text[5], 39, 38}):
        first = min(text.index(end) for end in ends if end in text)
        assert list(generate(model, [3, 1, 4], 20, GREEDY, stop_tokens=ends)) == text[:first]


def test_it_stops_at_the_limit(model):
    assert len(list(generate(model, [1], 7))) == 7
    assert list(generate(model, [1], 0)) == []
    assert list(generate_batch(model, [[1], [2, 3]], 0)) == []
    assert list(generate_batch(model, [], 5)) == []


def test_a_seed_repeats_the_text(model):
    texts = [list(generate(model, [1], 30, generator=torch.Generator().manual_seed(seed))) for seed in (5, 5, 6)]
    assert texts[0] == texts[1] != texts[2]


def test_a_repetition_penalty_counts_prompt_and_text(model):
    sampling = SamplingConfig(temperature=0.0, repetition_penalty=1.5)
    ids = list(generate(model, [3, 1, 4], 40, sampling))
    assert ids == naive_greedy(model, [3, 1, 4], 40, penalty=1.5)
    assert ids != naive_greedy(model, [3, 1, 4], 40)


def rows_of(steps):
    return [[token_id for token_id in row if token_id is not None] for row in zip(*steps, strict=True)]


@pytest.mark.parametrize("compile", ["off", "record"])
def test_each_row_of_a_batch_equals_the_same_prompt_alone(model, compile):
    prompts = [[3, 1, 4, 1, 5], [9], list(range(24)), [2] * 17]
    sampling = SamplingConfig(temperature=0.8, top_k=20, repetition_penalty=1.1)
    seeds = range(len(prompts))
    alone = [
        list(generate(model, prompt, 60, sampling, generator=torch.Generator().manual_seed(seed), stop_tokens=[7]))
        for prompt, seed in zip(prompts, seeds, strict=True)
    ]
    steps = list(
        generate_batch(model, prompts, 60, sampling, stop_tokens=[7], generators=seeded(*seeds), compile=compile)
    )
    assert rows_of(steps) == alone
    assert len({len(row) for row in alone}) > 1  # they end at different times
    assert len(steps) == max(map(len, alone))


def test_a_row_that_has_ended_does_not_continue(model):
    steps = list(generate_batch(model, [[1], [2]], 40, stop_tokens=[5, 6], generators=seeded(0, 1)))
    for row in zip(*steps, strict=True):
        ended = [token_id is None for token_id in row]
        assert ended == sorted(ended)


def test_a_batch_needs_one_generator_for_each_row(model):
    with pytest.raises(ValueError, match="2 prompts but 1 generators"):
        generate_batch(model, [[1], [2]], 3, generators=seeded(0))


def test_ids_come_one_at_a_time(model, monkeypatch):
    calls = []
    original = TransformerLM.hidden_states
    monkeypatch.setattr(
        TransformerLM, "hidden_states", lambda *given, **named: calls.append(1) or original(*given, **named)
    )
    stream = generate(model, [1], 10, GREEDY)
    assert calls == []
    next(stream)
    assert len(calls) == 1  # the prompt; the first token is read only when a second is requested
    next(stream)
    assert len(calls) == 2


def test_few_shapes_are_used(model, monkeypatch):
    """einx traces each new shape, so a growing text must not have a shape for each length."""
    shapes = set()
    original = TransformerLM.hidden_states

    def watched(self, ids, positions, **cache):
        shapes.add((*ids.shape, cache["cache"].capacity))
        return original(self, ids, positions, **cache)

    monkeypatch.setattr(TransformerLM, "hidden_states", watched)
    list(generate(model, [1], 100))
    assert shapes == {(1, 24, 24), (1, 1, 24)}


@pytest.mark.program("retracing.py")
def test_einx_does_not_retrace_as_the_text_grows_or_for_other_prompts(program_lines):
    """Except in the last part, where the text grows without a cache."""
    parts = "\n".join(program_lines).split("END OF PART")
    assert ["retraces of an einx function" in part for part in parts] == [False, False, False, True], program_lines


def test_a_short_text_takes_little_memory(monkeypatch):
    model = TransformerLM(ModelConfig(vocab_size=40, context_length=4096, d_model=32, num_layers=1, num_heads=4))
    capacities = set()
    original = TransformerLM.hidden_states

    def watched(self, *given, cache):
        capacities.add(cache.capacity)
        return original(self, *given, cache=cache)

    monkeypatch.setattr(TransformerLM, "hidden_states", watched)
    list(generate(model, [1] * 10, 30))
    assert capacities == {64}


@pytest.mark.parametrize(
    ("prompt", "count", "message"),
    [
        ([], 5, "the prompt is empty"),
        ([1] * 25, 5, "the prompt has 25 tokens, but the model's context is 24"),
        ([1, 40], 5, "the prompt contains the id 40, but the ids of the model's vocabulary go from 0 to 39"),
        ([-1], 5, "the id -1"),
        ([1], -1, "max_new_tokens is -1"),
    ],
)
def test_bad_prompts_are_refused_at_the_call(model, prompt, count, message):
    with pytest.raises(ValueError, match=message):
        generate(model, prompt, count)


def test_stop_tokens_outside_the_vocabulary_are_refused_at_the_call(model):
    with pytest.raises(ValueError, match="the stop token 40 is not an id of"):
        generate(model, [1], 5, stop_tokens=[3, 40])


def test_an_unknown_mode_is_refused(model, unchecked):
    with pytest.raises(ValueError, match="compile is 'fast': choose one of off, record, graph, on"):
        generate(model, [1], 5, compile="fast")


def test_a_diverged_model_is_reported():
    model = TransformerLM(ModelConfig(vocab_size=40, context_length=24, d_model=32, num_layers=1, num_heads=4))
    with torch.no_grad():
        model.lm_head.weight[3, 0] = torch.nan
    with pytest.raises(ValueError, match="logits are not finite"):
        next(generate(model, [1], 5))


MIXED = [SamplingConfig(), SamplingConfig(0.7, top_p=0.9), SamplingConfig(0.0)]
PROMPTS = [[3, 1, 4, 1, 5], [9], list(range(24))]


@pytest.mark.parametrize("compile", ["off", "record"])
def test_tokens_are_those_of_the_batch_with_the_log_probabilities_of_the_text(model, compile):
    """Also where the prompt fills the context and the text exceeds it: `score` reads the same windows."""
    steps = list(
        generate_tokens(
            model, PROMPTS, 60, MIXED, generators=seeded(0, 1, 2), stop_tokens=[7], num_alternatives=3, compile=compile
        )
    )
    rows = rows_of(steps)
    assert len({len(row) for row in rows}) > 1
    for prompt, sampling, seed, row in zip(PROMPTS, MIXED, range(3), rows, strict=True):
        ids = [token.id for token in row]
        assert ids == list(generate(model, prompt, 60, sampling, stop_tokens=[7], generator=seeded(seed)[0]))
        scored = score(model, prompt + ids, 3)[len(prompt) - 1 :]
        assert [token.id for token in scored] == ids
        assert [t.log_probability for t in row] == pytest.approx([t.log_probability for t in scored], abs=1e-4)
        assert [[i for i, _ in t.alternatives] for t in row] == [[i for i, _ in t.alternatives] for t in scored]
    assert all(token.alternatives[0][0] == token.id for token in rows[2])  # greedy


@pytest.mark.parametrize("length", [1, 6, 24])
@pytest.mark.parametrize("stop", [1, 5, 18, 19, 20, 40, 59])
def test_a_text_that_is_stopped_and_continued_is_the_text_without_the_stop(model, length, stop):
    prompt, sampling = [3, 1, 4, 1, 5, 9] * 4, SamplingConfig(0.9, top_k=30)
    (whole,) = rows_of(generate_batch(model, [prompt[:length]], 60, sampling, generators=seeded(4)))
    text = context_window([*prompt[:length], *whole[:stop]], 24)
    rest = generate_tokens(model, [text], 60 - stop, sampling, generators=seeded(4), drawn_before=[stop])
    assert [token.id for (token,) in rest] == whole[stop:]


def test_log_probabilities_are_computed_only_on_request(model, monkeypatch):
    monkeypatch.setattr("nn.continuation.log_probabilities", None)
    assert len(list(generate_batch(model, [[1]], 3))) == 3
    with pytest.raises(TypeError):
        list(generate_tokens(model, [[1]], 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampling": [SamplingConfig()]}, "2 prompts but 1 settings"),
        ({"drawn_before": [1, 2]}, "drawn_before is given without generators"),
        ({"generators": seeded(1, 2), "drawn_before": [1]}, "2 prompts but 1 numbers drawn before"),
        ({"generators": seeded(1, 2), "drawn_before": [1, -3]}, "drawn_before contains -3: give 0 or more"),
        ({"num_alternatives": 41}, "num_alternatives is 41: give a number from 0 to 40"),
        ({"num_alternatives": -1}, "num_alternatives is -1"),
    ],
)
def test_bad_requests_for_tokens_are_refused_at_the_call(model, options, message):
    with pytest.raises(ValueError, match=message):
        generate_tokens(model, [[1], [2]], 5, **options)
