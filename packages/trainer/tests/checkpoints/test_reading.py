"""Reading damaged and malicious checkpoints."""

import json
import os

import pytest
import torch
from hypothesis import given, strategies as st

from trainer import CheckpointError, load_checkpoint, save_checkpoint
from trainer.checkpoints import open_checkpoint

from .pairs import NAMES, build, load_or_refuse, same, trained


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "step"
    torch.manual_seed(0)
    pair = trained(*build())
    save_checkpoint(*pair, 5, path)
    return path, pair, {name: (path / name).read_bytes() for name in NAMES}


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
def test_changed_bytes_with_valid_hashes_are_refused_or_fit(contents, name, data, rewrite):
    path, _, whole = contents
    header = 8 + int.from_bytes(whole[name][:8], "little")
    place = data.draw(st.integers(0, header) | st.integers(0, len(whole[name])))
    cut = data.draw(st.sampled_from([0, 1, 1, 1, 8]))
    changed = whole[name][:place] + data.draw(st.binary(max_size=4)) + whole[name][place + cut :]
    (path / name).write_bytes(changed)
    rewrite(path)
    try:
        if loaded := load_or_refuse(path):
            trained(*loaded)  # a checkpoint that is accepted can be trained on
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
def test_a_wrong_value_with_valid_hashes_is_refused_or_fits(contents, data, value, rewrite):
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
    """At any depth: what the JSON parser accepts can be too deep for the code after it."""
    state = json.loads((saved / "state.json").read_text())
    text = json.dumps({"format": 1, "iteration": 1, "model": {}, "optimizer": state["optimizer"]})
    for inner in ("[", '{"x":'):
        tree = inner * depth + "1" + ("]" if inner == "[" else "}") * depth
        (saved / "state.json").write_text(text.replace('"model": {}', f'"model": {{"x": {tree}}}'))
        assert load_or_refuse(saved) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("instead", ["link", "folder", "pipe"])
def test_only_regular_files_are_read(saved, name, instead, tmp_path):
    file = saved / name
    file.rename(tmp_path / "elsewhere")
    {
        "link": lambda: file.symlink_to(tmp_path / "elsewhere"),
        "folder": file.mkdir,
        "pipe": lambda: os.mkfifo(file),
    }[instead]()
    with pytest.raises(CheckpointError, match=f"{name} is a link, a folder or a device, not a regular file"):
        load_checkpoint(saved, *build())


def test_a_file_that_is_truncated_after_it_was_verified(saved):
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
def test_a_malicious_state_is_refused(saved, rewrite, change):
    rewrite(saved, change)
    assert load_or_refuse(saved) is None


def test_a_state_file_of_a_terabyte_is_not_read(saved):
    with (saved / "state.json").open("ab") as file:
        file.truncate(1 << 40)  # sparse: it takes no disk space
    with pytest.raises(CheckpointError, match=r"size is 1,099,511,627,776 bytes, more than that of any checkpoint"):
        open_checkpoint(saved)
