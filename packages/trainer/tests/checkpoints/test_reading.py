"""Reading what is damaged, hostile, older, or of a wrapped model."""

import copy
import json

import pytest
import torch
from hypothesis import given, strategies as st
from safetensors.torch import load_file, save_file

from optim import SGD, AdamW, Muon
from trainer import CheckpointError, load_checkpoint, save_checkpoint
from trainer.checkpoints.compatibility import _kept_by
from trainer.checkpoints.reading import open_checkpoint
from trainer.checkpoints.state_tree import flatten, tensor_names

NAMES = ["model.safetensors", "optimizer.safetensors", "state.json"]


def build(dtype=torch.float32, **settings):
    """A model and an optimizer, after one update where there is a gradient to make it."""
    model = torch.nn.Linear(3, 2, dtype=dtype)
    return model, AdamW(model.parameters(), **settings)


def trained(model, optimizer):
    model(torch.ones(3, dtype=model.weight.dtype)).sum().backward()
    optimizer.step()
    return model, optimizer


def same(one, other):
    trees = [flatten([module.state_dict() for module in pair]) for pair in (one, other)]
    return trees[0][0] == trees[1][0] and all(
        torch.equal(tensor, trees[1][1][name]) and tensor.dtype == trees[1][1][name].dtype
        for name, tensor in trees[0][1].items()
    )


@pytest.fixture
def saved(tmp_path):
    save_checkpoint(*trained(*build()), 5, tmp_path / "step")
    return tmp_path / "step"


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "step"
    torch.manual_seed(0)
    pair = trained(*build())
    save_checkpoint(*pair, 5, path)
    return path, pair, {name: (path / name).read_bytes() for name in NAMES}


def load_or_refuse(path):
    """What came out of a checkpoint, or None where it was refused and nothing was changed; else the test fails."""
    model, optimizer = build()
    before = copy.deepcopy([model.state_dict(), optimizer.state_dict()])
    try:
        load_checkpoint(path, model, optimizer)
    except CheckpointError as error:
        if "\n" in str(error) or len(str(error)) > 1000:
            raise AssertionError("the message is no sentence") from error
        assert same([model, optimizer], [Saved(before[0]), Saved(before[1])])
        return None
    return model, optimizer


class Saved:
    def __init__(self, state):
        self.state = state

    def state_dict(self):
        return self.state


@given(data=st.data())
@pytest.mark.parametrize("name", NAMES)
def test_changed_bytes_change_nothing_or_are_refused(contents, name, data):
    path, pair, whole = contents
    content = whole[name]
    place = data.draw(st.integers(0, len(content)))
    cut = data.draw(st.sampled_from([0, 1, 1, 1, 8, 10**6]))
    (path / name).write_bytes(content[:place] + data.draw(st.binary(max_size=4)) + content[place + cut :])
    try:
        loaded = load_or_refuse(path)
        assert loaded is None or same(loaded, pair)
    finally:
        (path / name).write_bytes(content)


@given(data=st.data())
@pytest.mark.parametrize("name", NAMES[:2])
def test_changed_bytes_with_true_hashes_are_refused_or_fit(contents, name, data, rewrite):
    path, _, whole = contents
    header = 8 + int.from_bytes(whole[name][:8], "little")
    place = data.draw(st.integers(0, header) | st.integers(0, len(whole[name])))
    cut = data.draw(st.sampled_from([0, 1, 1, 1, 8]))
    changed = whole[name][:place] + data.draw(st.binary(max_size=4)) + whole[name][place + cut :]
    (path / name).write_bytes(changed)
    rewrite(path)
    try:
        if loaded := load_or_refuse(path):
            trained(*loaded)  # what was accepted can be trained on
    finally:
        for file in NAMES:
            (path / file).write_bytes(whole[file])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$tensor", "$dict", "$tuple", "state", "params", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value, path=()):
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


@given(data=st.data(), value=JSON)
def test_a_wrong_value_anywhere_with_true_hashes_is_refused_or_fits(contents, data, value, rewrite):
    path, _, whole = contents
    state = json.loads(whole["state.json"])
    *parents, last = data.draw(st.sampled_from([place for place in places(state) if place]))

    def change(inner):
        for key in parents:
            inner = inner[key]
        if data.draw(st.booleans()):
            inner[last] = value
        else:
            del inner[last]

    rewrite(path, change)
    try:
        if loaded := load_or_refuse(path):
            assert loaded[0].state_dict().keys() == {"weight", "bias"}
    finally:
        (path / "state.json").write_bytes(whole["state.json"])


@pytest.mark.parametrize("depth", [50, 200, 300, 400, 480, 600, 900, 950, 980, 1000, 10_000])
def test_a_deep_tree_is_refused(saved, depth):
    """However deep: what the parser still takes can be too much for what comes after it."""
    state = json.loads((saved / "state.json").read_text())
    text = json.dumps({"format": 1, "iteration": 1, "model": {}, "optimizer": state["optimizer"]})
    for inner in ("[", '{"x":'):
        tree = inner * depth + "1" + ("]" if inner == "[" else "}") * depth
        (saved / "state.json").write_text(text.replace('"model": {}', f'"model": {{"x": {tree}}}'))
        assert load_or_refuse(saved) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("instead", ["link", "folder", "pipe"])
def test_only_files_are_read(saved, name, instead, tmp_path):
    import os

    file = saved / name
    file.rename(tmp_path / "elsewhere")
    {
        "link": lambda: file.symlink_to(tmp_path / "elsewhere"),
        "folder": file.mkdir,
        "pipe": lambda: os.mkfifo(file),
    }[instead]()
    with pytest.raises(CheckpointError, match=f"{name} is a link, a folder or a device instead of a file"):
        load_checkpoint(saved, *build())


def spoil_tensors(path, name, change):
    tensors = load_file(path / name)
    change(tensors)
    save_file(tensors, path / name)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (NAMES[0], lambda t: t.update(weight=torch.ones(2, 4)), r"weight is float32\[2, 4\] there and float32\[2, 3\]"),
        (NAMES[0], lambda t: t.update(weight=t["weight"].double()), r"weight is float64\[2, 3\] there and float32"),
        (NAMES[0], lambda t: t.pop("bias"), "the tensor 'bias' is missing"),
        (NAMES[0], lambda t: t.update(more=torch.ones(1)), "holds a tensor 'more' that nothing names"),
        (NAMES[0], lambda t: t["weight"].fill_(torch.nan), "holds 6 numbers that are not finite in weight"),
        (NAMES[0], lambda t: t["bias"][0].fill_(-torch.inf), "holds 1 numbers that are not finite in bias"),
        (
            NAMES[1],
            lambda t: t.update({"state.0.exp_avg": torch.ones(3)}),
            r"exp_avg of parameter 0 is float32\[3\], and the parameter is float32\[2, 3\]",
        ),
        (
            NAMES[1],
            lambda t: t.update({"state.1.exp_avg_sq": torch.ones(2, dtype=torch.int32)}),
            r"exp_avg_sq of parameter 1 is int32\[2\], and the parameter is float32\[2\]",
        ),
        (NAMES[1], lambda t: t["state.0.exp_avg"][0, 0].fill_(torch.nan), "1 .* finite in exp_avg of parameter 0"),
    ],
)
def test_tensors_that_do_not_fit_are_named(saved, rewrite, name, change, message):
    spoil_tensors(saved, name, change)
    rewrite(saved)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved, *build())
    assert load_or_refuse(saved) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kept: kept.update(step="3"), "step of parameter 0 is str, not a count"),
        (lambda kept: kept.update(step=-1), "step of parameter 0 is int, not a count"),
        (lambda kept: kept.pop("step"), r"of parameter 0 it holds too little or too much \(step\)"),
        (lambda kept: kept.update(more=1), r"of parameter 0 it holds too little or too much \(more\)"),
        (lambda kept: kept.update(exp_avg=1.0, exp_avg_2=kept["exp_avg"]), "too little or too much"),
    ],
)
def test_state_of_the_optimizer_that_does_not_fit_is_named(saved, rewrite, change, message):
    rewrite(saved, lambda state: change(state["optimizer"]["state"]["$dict"][0][1]))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved, *build())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda optimizer: optimizer["param_groups"][0].update(lr="high"), "its setting lr is 'high', and here it is"),
        (lambda optimizer: optimizer["param_groups"][0].update(betas=[0.9]), "its setting betas is"),
        (lambda optimizer: optimizer["param_groups"][0].update(params=[0]), "its parameter groups are others"),
        (lambda optimizer: optimizer["state"]["$dict"][1].__setitem__(0, 7), "state of parameters that are not here"),
        (lambda optimizer: optimizer["state"]["$dict"][1].__setitem__(0, 1.0), "state of parameters that are not here"),
        (lambda optimizer: optimizer.pop("state"), "nothing names"),
    ],
)
def test_settings_of_the_optimizer_that_do_not_fit_are_named(saved, rewrite, change, message):
    rewrite(saved, lambda state: change(state["optimizer"]))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved, *build())


def some_muon(model):
    return Muon([{"params": [model.weight]}, {"params": [model.bias], "algorithm": "adamw"}], lr=0.1)


@pytest.mark.parametrize("make", [lambda m: AdamW(m.parameters()), lambda m: SGD(m.parameters(), lr=0.1), some_muon])
def test_what_is_known_of_our_optimizers_is_so(make):
    model = torch.nn.Linear(3, 2)
    optimizer = make(model)
    trained(model, optimizer)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert optimizer.state[parameter].keys() == _kept_by(optimizer, group)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda kept: kept[0][1].pop("momentum_buffer"),
            r"of parameter 0 .* too little or too much \(momentum_buffer\)",
        ),
        (lambda kept: kept[0][1].update(momentum_buffer=1.0), "momentum_buffer of parameter 0 is float"),
        (lambda kept: kept[0].__setitem__(1, kept[1][1]), "of parameter 0 it holds too little or too much"),
        (lambda kept: kept[1][1].pop("step"), r"of parameter 1 it holds too little or too much \(step\)"),
    ],
)
def test_state_of_muon_that_does_not_fit_is_named(tmp_path, rewrite, change, message):
    model = torch.nn.Linear(3, 2)
    path = tmp_path / "step"
    save_checkpoint(*trained(model, some_muon(model)), 5, path)
    spoilt = json.loads((path / "state.json").read_text())["optimizer"]
    change(spoilt["state"]["$dict"])
    tensors = load_file(path / "optimizer.safetensors")
    save_file({name: tensors[name] for name in tensor_names(spoilt)}, path / "optimizer.safetensors")
    rewrite(path, lambda state: state.update(optimizer=spoilt))
    other = torch.nn.Linear(3, 2)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path, other, some_muon(other))


def test_numbers_that_are_not_finite_can_be_asked_for(tmp_path):
    model, optimizer = trained(*build())
    model.weight.data[0, 0] = torch.nan
    save_checkpoint(model, optimizer, 1, tmp_path / "step")
    other, other_optimizer = build()
    load_checkpoint(tmp_path / "step", other, other_optimizer, finite=False)
    assert other.weight.isnan().sum() == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64, torch.float8_e5m2])
def test_large_numbers_are_finite(tmp_path, dtype):
    """Though their sum is not."""
    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(torch.full((9,), 2.0**15).to(dtype), requires_grad=False)
    if not model.weight.is_complex() and dtype.itemsize > 1:
        model.weight.fill_(torch.finfo(dtype).max)
    save_checkpoint(model, None, 1, tmp_path / "step")
    assert load_checkpoint(tmp_path / "step", model) == 1


def test_buffers_may_hold_infinity(tmp_path):
    model = torch.nn.Linear(1, 1)
    model.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    save_checkpoint(model, None, 1, tmp_path / "step")
    assert load_checkpoint(tmp_path / "step", model) == 1


def test_format_1_is_read(tmp_path):
    """As the first version wrote it: without hashes, with `iteration` for `step`."""
    model, optimizer = trained(*build())
    path = tmp_path / "step"
    path.mkdir()
    trees = {}
    for name, part in (("model", model), ("optimizer", optimizer)):
        trees[name], tensors = flatten(part.state_dict())
        save_file(tensors, path / f"{name}.safetensors")
    state = {"format": 1, "iteration": 9, "optimizer_class": "AdamW", **trees}
    (path / "state.json").write_text(json.dumps(state) + "\n")
    other = build()
    assert load_checkpoint(path, *other) == 9
    assert same(other, (model, optimizer))
    (path / "model.safetensors").write_bytes((path / "model.safetensors").read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is truncated or damaged"):
        open_checkpoint(path)


def test_wrapped_and_bare_models_read_each_other(tmp_path):
    model, _ = build()
    wrapped = torch.nn.DataParallel(torch.compile(model))
    save_checkpoint(wrapped, None, 1, tmp_path / "wrapped")
    assert load_file(tmp_path / "wrapped" / "model.safetensors").keys() == {"weight", "bias"}
    save_checkpoint(model, None, 1, tmp_path / "bare")
    for name in ("wrapped", "bare"):
        for other in (build()[0], torch.compile(build()[0]), torch.nn.DataParallel(build()[0])):
            load_checkpoint(tmp_path / name, other)
            assert all(map(torch.equal, other.state_dict().values(), model.state_dict().values()))


def test_state_of_a_wider_dtype_keeps_it(tmp_path):
    """Torch would round it to the parameter's."""

    class Wide(torch.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {"lr": 0.1})

        def step(self):
            for parameter in self.param_groups[0]["params"]:
                self.state[parameter]["exp_avg"] = torch.randn(parameter.shape)

    model, _ = build(torch.bfloat16)
    optimizer = Wide(model.parameters())
    optimizer.step()
    save_checkpoint(model, optimizer, 1, tmp_path / "step")
    other, _ = build(torch.bfloat16)
    other_optimizer = Wide(other.parameters())
    load_checkpoint(tmp_path / "step", other, other_optimizer)
    assert same((model, optimizer), (other, other_optimizer))
    assert other_optimizer.state[other.weight]["exp_avg"].dtype == torch.float32


def test_two_tensors_are_not_read_into_a_tied_one(tmp_path):
    def layers(tied):
        model = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2, bias=False))
        if tied:
            model[1].weight = model[0].weight
        return model

    save_checkpoint(layers(tied=False), None, 1, tmp_path / "two")
    save_checkpoint(layers(tied=True), None, 1, tmp_path / "one")
    with pytest.raises(CheckpointError, match=r"0\.weight and 1\.weight are one tensor here and two there"):
        load_checkpoint(tmp_path / "two", layers(tied=True))
    for tied in (False, True):
        load_checkpoint(tmp_path / "one", layers(tied))


def test_a_file_that_ends_while_it_is_read(saved):
    """Whatever happens between verifying and reading is an error of the same kind."""
    checkpoint = open_checkpoint(saved)
    (saved / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"model\.safetensors is truncated or damaged"):
        checkpoint.restore(build()[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(elapsed_seconds=10**400),
        lambda state: state.update(valid_loss=10**400),
        lambda state: state.update(model={"$tuple": list(state["model"].values())}),
        lambda state: state.update(model={"$dict": [[i, value] for i, value in enumerate(state["model"].values())]}),
        lambda state: state.update(optimizer={"$tuple": [state["optimizer"]]}),
    ],
)
def test_a_hostile_state_is_refused(saved, rewrite, change):
    rewrite(saved, change)
    assert load_or_refuse(saved) is None


def test_a_state_of_a_terabyte_is_not_read(saved):
    with (saved / "state.json").open("ab") as file:
        file.truncate(1 << 40)  # sparse: it takes no room
    with pytest.raises(CheckpointError, match=r"1,099,511,627,776 bytes long, more than any checkpoint's"):
        open_checkpoint(saved)
