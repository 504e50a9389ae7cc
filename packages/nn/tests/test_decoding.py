import gc
import weakref

import pytest
import torch

from nn import ModelConfig, TransformerLM, generate
from nn.decoding import Decoder
from nn.recording import record


@pytest.fixture
def model():
    config = ModelConfig(vocab_size=40, context_length=24, d_model=32, num_layers=1, num_heads=4)
    return TransformerLM(config, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def recordings(monkeypatch):
    """The recordings that are made."""
    made = []

    def watched(*arguments):
        made.append(arguments)
        return record(*arguments)

    monkeypatch.setattr("nn.decoding.record", watched)
    return made


def text(model, seed=1, count=20, compile="record"):
    return list(generate(model, [1, 2], count, generator=torch.Generator().manual_seed(seed), compile=compile))


def test_a_step_is_recorded_once_for_all_texts(model, recordings):
    texts = [text(model, seed) for seed in (1, 2, 1)]
    assert texts[0] == texts[2] != texts[1]
    assert texts[0] == text(model, 1, compile="off")
    assert len(recordings) == 1


def test_two_texts_at_a_time_do_not_share_a_cache(model, recordings):
    one, other = (
        generate(model, [1, 2], 20, compile="record", generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)
    )
    pairs = list(zip(one, other, strict=True))
    assert [list(ids) for ids in zip(*pairs, strict=True)] == [text(model, seed, compile="off") for seed in (1, 2)]
    assert len(recordings) == 2


def test_weights_that_change_in_place_are_read_and_new_ones_recorded_again(model, recordings):
    text(model)
    with torch.no_grad():
        model.lm_head.weight.mul_(-1)
    assert text(model) == text(model, compile="off")
    assert len(recordings) == 1
    model.lm_head.weight = torch.nn.Parameter(-model.lm_head.weight)
    assert text(model) == text(model, compile="off")
    assert len(recordings) == 2


def test_a_diverged_model_does_not_affect_the_next_text(model):
    expected = text(model)
    weight = model.blocks[0].attention.v_proj.weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="not finite"):
        text(model)
    decoder = Decoder(model, 1, 24, compile="record")
    decoder.read([[1] * 20])
    decoder.step(torch.tensor([2]), torch.tensor([20]))
    decoder.close()
    with torch.no_grad():
        weight.copy_(before)
    assert text(model) == expected


def test_recordings_do_not_keep_a_model_alive():
    config = ModelConfig(vocab_size=40, context_length=24, d_model=32, num_layers=1, num_heads=4)
    model = TransformerLM(config)
    text(model)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
