"""The estimate of a training step's memory, against what its tensors take."""

import pytest
import torch
from configurations import covering_array, name_of
from live_bytes import LiveBytes

from nn import ModelConfig, TransformerLM, cross_entropy
from nn.accounting import training_memory

OPTIMIZERS = {
    "adamw": lambda parameters: torch.optim.AdamW(parameters, foreach=False),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1, foreach=False),
}


def measured_peak(config, batch, *, loss="chunked", precision="float32", optimizer="adamw"):
    """Two steps, since the optimizer makes its state in the first."""
    with LiveBytes() as live:
        model = TransformerLM(config, dtype=torch.bfloat16 if precision == "bfloat16" else None)
        updates = OPTIMIZERS[optimizer](model.parameters())
        ids = torch.randint(config.vocab_size, (batch, config.context_length))
        for _ in range(2):
            live.most = live.now
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "mixed"):
                value = model.loss(ids, ids) if loss == "chunked" else cross_entropy(model(ids), ids)
            value.backward()
            updates.step()
            updates.zero_grad()
            del value
    return live.most


def shape(**changes):
    sizes = {"vocab_size": 1500, "context_length": 64, "d_model": 64, "num_layers": 3, "num_heads": 4}
    return ModelConfig(**{**sizes, **changes})


def check(config, batch, **settings):
    estimate = training_memory(config, batch, **settings)
    assert estimate.peak.total == pytest.approx(measured_peak(config, batch, **settings), rel=0.1)
    return estimate


@pytest.mark.parametrize("attention", ["einx", "fused"])
@pytest.mark.parametrize("loss", ["plain", "chunked"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "mixed"])
def test_the_peak_by_back_end_loss_and_precision(attention, loss, precision):
    check(shape(attention=attention), 16, loss=loss, precision=precision)


@pytest.mark.parametrize("row", covering_array(), ids=name_of)
def test_the_peak_of_every_configuration(row):
    check(shape(**row), 16)


@pytest.mark.parametrize(
    ("changes", "batch", "optimizer", "moment"),
    [
        ({"vocab_size": 20_000}, 8, "adamw", "loss"),
        ({"context_length": 256, "vocab_size": 200}, 4, "adamw", "last_attention"),
        ({"vocab_size": 100, "d_ff": 4096, "attention": "fused"}, 16, "adamw", "last_feedforward"),
        ({"vocab_size": 100, "d_model": 256, "context_length": 4}, 1, "adamw", "update"),
    ],
)
def test_each_moment_can_be_the_peak(changes, batch, optimizer, moment):
    assert check(shape(**changes), batch, optimizer=optimizer).peak_moment == moment


def test_more_tokens_at_once_take_more():
    config = shape(vocab_size=20_000)
    peaks = [training_memory(config, 32, chunk_tokens=chunk).peak.total for chunk in (64, 512, 2048)]
    assert peaks == sorted(set(peaks))
