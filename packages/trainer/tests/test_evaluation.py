import json
import math
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from nn import ModelConfig, TransformerLM, cross_entropy
from trainer import evaluate, open_data, perplexity, read_metrics, train
from trainer.data.validation_batches import validation_batches
from trainer.evaluation import Evaluation, EvaluationStopped, measure_loss
from trainer.runtime.distributed import World

from .run_helpers import changed, train_run


def tiny():
    return TransformerLM(ModelConfig(vocab_size=31, context_length=8, d_model=16, num_layers=1, num_heads=2))


def test_every_target_weighs_the_same():
    model = tiny()
    inputs, targets = torch.randint(31, (5, 8)), torch.randint(31, (5, 8))
    whole = cross_entropy(model(inputs), targets).item()
    parts = evaluate(model, [(inputs[:4], targets[:4]), (inputs[4:], targets[4:])])
    assert abs(parts - whole) < 1e-5


def test_it_leaves_no_gradients_and_the_mode_as_it_was():
    model = tiny()
    ids = torch.randint(31, (2, 8))
    for mode in (True, False):
        model.train(mode)
        evaluate(model, [(ids, ids)])
        assert model.training is mode
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_mode_comes_back_after_an_error_too():
    model = tiny().train()
    with pytest.raises(ValueError, match="no batch to measure the loss on"):
        evaluate(model, [])
    assert model.training


def test_the_parts_of_several_processes_make_the_whole():
    model = tiny().eval()
    data = np.random.default_rng(0).integers(0, 31, 100)
    lengths = torch.randint(0, 5, (31,))

    def measured(rank=0, world=1):
        batches = islice(validation_batches(data, 2, 8, "cpu"), rank, None, world)
        return measure_loss(lambda ids, targets: cross_entropy(model(ids), targets), batches, byte_lengths=lengths)

    whole = measured()
    parts = measured(0, 3) + measured(1, 3) + measured(2, 3)
    assert whole.tokens == parts.tokens == 99
    assert whole.num_bytes == parts.num_bytes == lengths[torch.from_numpy(data[1:])].sum()
    assert whole.nats == pytest.approx(parts.nats, rel=1e-12)
    assert measured() == whole  # bit for bit
    assert (whole + Evaluation(1.0, 1)).num_bytes is None


def test_bits_per_byte():
    """A model that knows nothing of 256 equally likely bytes needs 8 bits for each, whatever the bytes of a token."""
    one_byte_tokens = Evaluation(1000 * math.log(256), 1000, 1000)
    assert one_byte_tokens.bits_per_byte == pytest.approx(8)
    two_byte_tokens = Evaluation(500 * math.log(256**2), 500, 1000)
    assert two_byte_tokens.bits_per_byte == pytest.approx(8)
    assert one_byte_tokens.loss == pytest.approx(math.log(256))
    assert Evaluation(1.0, 1).bits_per_byte is None
    assert Evaluation(1.0, 1, 0).bits_per_byte is None
    assert Evaluation(0.0, 1).metrics() == {"valid_loss": 0.0, "valid_perplexity": 1.0}
    assert Evaluation(2.0, 1, 4).metrics() == {
        "valid_loss": 2.0,
        "valid_perplexity": math.exp(2),
        "bits_per_byte": 0.5 / math.log(2),
    }


def test_perplexity():
    assert abs(perplexity(math.log(50)) - 50) < 1e-9
    assert perplexity(1e6) == math.inf


def test_one_process_that_is_asked_to_stop_stops_all():
    class Together(World):
        def max(self, *values):
            return tuple(max(value, theirs) for value, theirs in zip(values, next(others), strict=True))

    batches = [(torch.zeros(1, 4, dtype=torch.long),) * 2] * 6
    others = iter([(0.0,), (1.0,), (1.0,)])
    computed = []
    loss = torch.nn.Module()
    loss.forward = lambda inputs, targets: computed.append(1) or torch.tensor(1.0)
    with pytest.raises(EvaluationStopped):
        measure_loss(loss, batches, world=Together(rank=0, size=2), stop=lambda: False)
    assert len(computed) == 1


def test_samples_come_with_evaluations(config, run):
    seen = []

    def sample(model, step):
        seen.append(step)
        return f"a text of {model.config.vocab_size}"

    train(config, run, open_data(config.data, config.model), sample=sample)
    assert seen == [10, 20]
    assert run.log.read_text().count("a text of 31") == 2


def test_a_failing_sample_is_logged_after_the_step_is_saved(config, run):
    def sample(model, step):
        assert run.checkpoint(step).exists()
        raise RuntimeError("no text today")

    config = changed(config, checkpoints={"background": False})
    train(config, run, open_data(config.data, config.model), sample=sample)
    assert run.log.read_text().count("the sample failed (RuntimeError: no text today)") == 2


def test_bits_per_byte_of_the_text(config, run):
    path = Path(f"{config.data.valid_tokens}.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "text_bytes": 1250}))  # of 500 tokens
    train_run(config, run)
    entry = read_metrics(run.metrics)[-1]
    assert entry["bits_per_byte"] == pytest.approx(entry["valid_loss"] / math.log(2) / 2.5)
    assert f"{entry['bits_per_byte']:.4f} bits per byte" in run.log.read_text()
