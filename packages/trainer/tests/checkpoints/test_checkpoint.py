import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nn import ModelConfig, TransformerLM, cross_entropy
from optim import SGD, AdamW, Muon
from trainer import CheckpointError, load_checkpoint, save_checkpoint
from trainer.checkpoints import StateError

TINY = {"vocab_size": 31, "context_length": 8, "d_model": 16, "num_layers": 2, "num_heads": 2, "d_ff": 32}


def muon_by_shape(parameters):
    parameters = list(parameters)
    matrices = [parameter for parameter in parameters if parameter.shape == (16, 16)]
    others = [parameter for parameter in parameters if parameter.shape != (16, 16)]
    return Muon([{"params": matrices}, {"params": others, "algorithm": "adamw", "lr": 1e-2}], lr=2e-2)


OPTIMIZERS = [
    lambda parameters: AdamW(parameters, lr=1e-2),
    lambda parameters: muon_by_shape(parameters),
    lambda parameters: SGD(parameters, lr=1e-2),
    lambda parameters: torch.optim.AdamW(parameters, lr=1e-2, amsgrad=True),
    lambda parameters: torch.optim.SGD(parameters, lr=1e-2, momentum=0.9),
    lambda parameters: torch.optim.Adagrad(parameters, lr=1e-2),
    lambda parameters: torch.optim.LBFGS(parameters, lr=1e-2, max_iter=2),
]


def train(model, optimizer, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        ids = torch.randint(31, (3, 9), generator=generator)

        def closure(ids=ids):
            optimizer.zero_grad()
            loss = cross_entropy(model(ids[:, :-1]), ids[:, 1:])
            loss.backward()
            return loss

        optimizer.step(closure)


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("tied", [False, True])
def test_training_resumes_bitwise(tmp_path, make, tied):
    model = TransformerLM(ModelConfig(**TINY, tie_embeddings=tied))
    optimizer = make(model.parameters())
    train(model, optimizer, 3, seed=1)
    save_checkpoint(model, optimizer, 3, tmp_path / "step")
    train(model, optimizer, 3, seed=2)

    other = TransformerLM(ModelConfig(**TINY, tie_embeddings=tied))
    other_optimizer = make(other.parameters())
    assert load_checkpoint(tmp_path / "step", other, other_optimizer) == 3
    train(other, other_optimizer, 3, seed=2)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def test_any_module(tmp_path):
    """Buffers, integers, unusual strides, a scalar, and state that is not a tensor."""

    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.BatchNorm1d(3)
            self.weight = torch.nn.Parameter(torch.randn(3, 4).T)
            self.scalar = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.bfloat16))
            self.extra = 0

        def get_extra_state(self):
            return {"extra": self.extra, "pair": (1, 2)}

        def set_extra_state(self, state):
            self.extra = state["extra"]

    module = Odd()
    module.norm(torch.randn(5, 3))
    module.extra = 7
    save_checkpoint(module, None, 12, tmp_path / "step")
    other = Odd()
    assert load_checkpoint(tmp_path / "step", other) == 12
    assert other.extra == 7
    assert torch.equal(other.weight, module.weight)
    assert torch.equal(other.norm.running_mean, module.norm.running_mean)
    assert other.norm.num_batches_tracked == 1


def test_the_files(tmp_path):
    model = TransformerLM(ModelConfig(**TINY, tie_embeddings=True))
    optimizer = AdamW(model.parameters())
    train(model, optimizer, 1, seed=0)
    save_checkpoint(model, optimizer, 1, tmp_path / "step")
    assert sorted(path.name for path in (tmp_path / "step").iterdir()) == [
        "model.safetensors",
        "optimizer.safetensors",
        "state.json",
    ]
    tensors = load_file(tmp_path / "step" / "model.safetensors")
    assert "embedding.weight" in tensors
    assert "lm_head.weight" not in tensors  # tied, so stored once
    state = json.loads((tmp_path / "step" / "state.json").read_text())
    assert state["step"] == 1
    assert state["model"]["lm_head.weight"] == {"$tensor": "embedding.weight"}
    assert [path.name for path in tmp_path.iterdir()] == ["step"]


def test_an_older_checkpoint_is_replaced(tmp_path):
    model = TransformerLM(ModelConfig(**TINY))
    save_checkpoint(model, None, 1, tmp_path / "step")
    save_checkpoint(model, None, 2, tmp_path / "step")
    assert load_checkpoint(tmp_path / "step", model) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["step"]


def test_the_older_checkpoint_is_restored_if_it_cannot_be_replaced(tmp_path, monkeypatch):
    model = TransformerLM(ModelConfig(**TINY))
    save_checkpoint(model, None, 1, tmp_path / "step")
    original = Path.replace

    def refuse_the_new_one(self, target):
        if self.name.startswith(".step.") and not self.name.endswith(".replaced"):
            raise OSError("refused")
        return original(self, target)

    monkeypatch.setattr(Path, "replace", refuse_the_new_one)
    with pytest.raises(OSError, match="refused"):
        save_checkpoint(model, None, 2, tmp_path / "step")
    assert [path.name for path in tmp_path.iterdir()] == ["step"]
    assert load_checkpoint(tmp_path / "step", model) == 1


@pytest.fixture
def saved(tmp_path):
    model = TransformerLM(ModelConfig(**TINY))
    optimizer = AdamW(model.parameters())
    train(model, optimizer, 1, seed=0)
    save_checkpoint(model, optimizer, 1, tmp_path / "step")
    return tmp_path / "step"


def cut(name, size):
    def spoil(path, rewrite):
        file = path / name
        file.write_bytes(file.read_bytes()[:size])

    return spoil


def change(what):
    return lambda path, rewrite: rewrite(path, what)


def remove(*names):
    return lambda path, rewrite: [(path / name).unlink() for name in names]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path, rewrite: path.rename(path.with_name("gone")), "step does not exist"),
        (remove("state.json"), "state.json is missing"),
        (remove("model.safetensors"), "model.safetensors is missing"),
        (remove("optimizer.safetensors"), "optimizer.safetensors is missing"),
        (cut("model.safetensors", -1), "model.safetensors is truncated or damaged"),
        (cut("model.safetensors", 4), "model.safetensors is truncated or damaged"),
        (cut("optimizer.safetensors", 1000), "optimizer.safetensors is truncated or damaged"),
        (cut("state.json", 100), "state.json is damaged"),
        (
            change(lambda state: state.update(format=99)),
            "has format 99, of a later version of this package, which reads formats up to 2",
        ),
        (change(lambda state: state.update(format="x")), "it does not describe a checkpoint"),
        (change(lambda state: state.update(step="x")), "step is 'x', but it must be an integer"),
        (change(lambda state: state.update(step=-1)), "step is -1, but it must be an integer of at least 0"),
        (
            change(lambda state: state["model"].update(new={"$tensor": "new"})),
            "is damaged: the tensor 'new' is missing",
        ),
        (
            change(lambda state: state["model"].pop("lm_head.weight")),
            r"model\.safetensors contains a tensor 'lm_head\.weight' to which state\.json does not",
        ),
        (change(lambda state: state.update(optimizer=None)), "contains a tensor 'state.0.exp_avg' to which"),
        (change(lambda state: state["optimizer"].update(param_groups=[])), "does not fit the optimizer"),
        (change(lambda state: state.update(optimizer_class="SGD")), "was trained with SGD, not with AdamW"),
        (change(lambda state: state.pop("model")), "is damaged .it contains no model"),
    ],
)
def test_a_damaged_checkpoint_is_refused_and_changes_nothing(saved, rewrite, spoil, message):
    spoil(saved, rewrite)
    model = TransformerLM(ModelConfig(**TINY))
    optimizer = AdamW(model.parameters())
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(saved, model, optimizer)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not optimizer.state


def test_training_cannot_be_resumed_from_a_model_that_was_saved_alone(tmp_path):
    model = TransformerLM(ModelConfig(**TINY))
    save_checkpoint(model, None, 1, tmp_path / "step")
    with pytest.raises(CheckpointError, match="was saved without an optimizer"):
        load_checkpoint(tmp_path / "step", model, AdamW(model.parameters()))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"num_layers": 3}, r"belongs to a different model: 9 tensor names differ, such as blocks\.2\.attention"),
        ({"d_ff": 64}, r"w1\.weight is float32\[32, 16\] in the checkpoint and float32\[64, 16\] in the model"),
    ],
)
def test_a_checkpoint_of_a_different_model_is_refused(saved, other, message):
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved, TransformerLM(ModelConfig(**{**TINY, **other})))


def test_a_checkpoint_of_a_different_dtype_is_refused(saved):
    with pytest.raises(CheckpointError, match=r"is float32.* in the checkpoint and bfloat16"):
        load_checkpoint(saved, TransformerLM(ModelConfig(**TINY), dtype=torch.bfloat16))


def test_state_that_cannot_be_stored_is_refused(tmp_path):
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.param_groups[0]["strange"] = object()
    with pytest.raises(StateError, match=r"param_groups.0.strange is of type object"):
        save_checkpoint(model, optimizer, 1, tmp_path / "step")
    assert list(tmp_path.iterdir()) == []
