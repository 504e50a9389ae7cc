"""A step on the device alone: on a pretended GPU, ahead of the host, and, where there is a GPU, as a CUDA graph."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nn import ModelConfig, SamplingConfig, TransformerLM, generate, generate_batch, generate_tokens, score
from nn.continuation import Continuation
from nn.decoding import Decoder
from nn.drawing import TokenDrawer

EVERYTHING = SamplingConfig(0.8, top_k=300, top_p=0.9, min_p=0.01, repetition_penalty=1.1)
SAMPLINGS = [SamplingConfig(0.0), SamplingConfig(), SamplingConfig(top_p=0.9), EVERYTHING]


class OnlyOn(TorchDispatchMode):
    """Refuses every operation that takes or makes a tensor elsewhere, as copies from and to the host do."""

    def __init__(self, device):
        super().__init__()
        self.device, self.count = torch.device(device), 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        elsewhere = [x for x in tree_leaves((args, result)) if isinstance(x, torch.Tensor) and x.device != self.device]
        assert not elsewhere, f"{function} uses {elsewhere}"
        assert function is not torch.ops.aten._local_scalar_dense.default
        self.count += 1
        return result


@pytest.mark.parametrize("options", [{}, {"num_kv_heads": 2, "window": 9, "separator_token": 3, "attention": "fused"}])
@pytest.mark.parametrize("samplings", [*([one, one] for one in SAMPLINGS), SAMPLINGS[1::2]], ids=str)
@pytest.mark.parametrize("num_alternatives", [None, 0, 5])
def test_a_step_on_a_gpu_neither_reads_values_nor_copies(samplings, num_alternatives, options, monkeypatch, unchecked):
    """Fake tensors have the shape, dtype and device of real ones, but no values: reading one is an error."""
    config = ModelConfig(vocab_size=400, context_length=24, d_model=32, num_layers=2, num_heads=4, **options)
    monkeypatch.setattr("torch.nn.init.trunc_normal_", lambda tensor, **_: tensor)
    with FakeTensorMode():
        model = TransformerLM(config, device="cuda")
        decoder = Decoder(model, 2)
        drawer = TokenDrawer(samplings, [[1, 2], [3]], 400, decoder.device)
        continuation = Continuation(decoder, drawer, 2, num_alternatives)
        assert continuation.runs_ahead
        with OnlyOn("cuda:0") as watched:
            continuation._step_on_device()
    assert watched.count > 50


@pytest.fixture(scope="module")
def model():
    config = ModelConfig(vocab_size=40, context_length=24, d_model=32, num_layers=2, num_heads=4)
    return TransformerLM(config, generator=torch.Generator().manual_seed(3))


def texts(model, **options):
    generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
    prompts = [[3, 1, 4, 1, 5], [9], list(range(24))]
    sampling = SamplingConfig(repetition_penalty=1.1)
    return list(generate_batch(model, prompts, 60, sampling, stop_tokens=[7], generators=generators, **options))


def test_running_ahead_of_the_host_does_not_change_the_text(model, monkeypatch):
    expected, steps = texts(model), []
    original = Continuation.advance
    monkeypatch.setattr(Continuation, "runs_ahead", property(lambda _: True, lambda *_: None), raising=False)
    monkeypatch.setattr(Continuation, "advance", lambda *given: steps.append(1) or original(*given))
    assert texts(model) == expected
    ended_early = len(expected) < 60  # by stop tokens: the host reads the last of them after the next step was started
    assert len(steps) == len(expected) - (not ended_early)
    steps.clear()
    assert list(generate(model, [1], 10, stop_tokens=range(40))) == []
    assert len(steps) == 1  # wasted
    steps.clear()
    stream = generate(model, [1], 10)
    next(stream)
    assert len(steps) == 1
    assert len(list(stream)) == 9
    assert len(steps) == 9


def test_a_graph_needs_a_gpu(model):
    with pytest.raises(ValueError, match="compile is 'graph', which needs a CUDA device, but the model is on cpu"):
        generate(model, [1], 5, compile="graph")


def copy_on_gpu(model):
    on_gpu = TransformerLM(model.config, device="cuda")
    on_gpu.load_state_dict(model.state_dict())
    return on_gpu


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("compile", ["graph", "record"])
@pytest.mark.parametrize("sampling", [*SAMPLINGS[:2], SamplingConfig(0.8, top_k=20, top_p=0.9)])
def test_a_graph_on_a_gpu_gives_the_text_of_the_python_code(model, sampling, compile):
    on_gpu = copy_on_gpu(model)
    modes = [
        list(generate(on_gpu, [3, 1, 4], 300, sampling, generator=torch.Generator().manual_seed(5), compile=mode))
        for mode in ("off", compile, compile, "auto")
    ]
    assert modes == [modes[0]] * 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("compile", ["off", "graph"])
def test_log_probabilities_on_a_gpu_are_those_of_scoring_on_the_host(model, compile):
    settings = [SamplingConfig(), SamplingConfig(0.8, top_k=20)]
    generators = [torch.Generator().manual_seed(seed) for seed in range(2)]
    steps = generate_tokens(
        copy_on_gpu(model), [[3, 1, 4], [5]], 100, settings, generators=generators, num_alternatives=3, compile=compile
    )
    for prompt, row in zip([[3, 1, 4], [5]], zip(*steps, strict=True), strict=True):
        scored = score(model, [*prompt, *(token.id for token in row)], num_alternatives=3)[len(prompt) - 1 :]
        for ours, theirs in zip(row, scored, strict=True):
            assert ours.log_probability == pytest.approx(theirs.log_probability, abs=1e-3)
            assert [p for _, p in ours.alternatives] == pytest.approx([p for _, p in theirs.alternatives], abs=1e-3)
