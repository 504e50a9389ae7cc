import json
import math

import pytest
import torch
from hypothesis import given, strategies as st

from trainer.checkpoints import StateError
from trainer.checkpoints.state_tree import flatten, tensor_names, unflatten

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
KEYS = st.text(st.sampled_from("ab.$'0"), max_size=3)
TREES = st.recursive(
    SCALARS | st.builds(lambda n: torch.arange(float(n)), st.integers(0, 3)),
    lambda trees: (
        st.lists(trees, max_size=3)
        | st.lists(trees, max_size=3).map(tuple)
        | st.dictionaries(KEYS, trees, max_size=3)
        | st.dictionaries(st.integers(0, 9), trees, max_size=3)
    ),
    max_leaves=12,
)


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


@given(TREES)
def test_round_trip_through_json(tree):
    json_tree, tensors = flatten(tree)
    assert equal(unflatten(json.loads(json.dumps(json_tree)), tensors), tree)


def test_special_floats_are_preserved():
    tree, _ = flatten([math.inf, -math.inf, math.nan, 0.1, 1e-300])
    back = json.loads(json.dumps(tree))
    assert back[:2] == [math.inf, -math.inf]
    assert math.isnan(back[2])
    assert back[3:] == [0.1, 1e-300]


def test_shared_tensors_are_stored_once():
    weight = torch.randn(3, 4)
    tree, tensors = flatten({"embedding": weight, "head": weight})
    assert list(tensors) == ["embedding"]
    back = unflatten(tree, tensors)
    assert torch.equal(back["head"], weight)


def test_different_views_of_the_same_memory_are_distinguished():
    base = torch.arange(12.0).reshape(3, 4)
    state = {"all": base, "row": base[1], "transposed": base.T, "slice": base[:, 1:3], "bits": base.view(torch.int32)}
    tree, tensors = flatten(state)
    assert tensor_names(tree) == tensors.keys() == state.keys()
    back = unflatten(tree, tensors)
    assert all(torch.equal(back[name], tensor) for name, tensor in state.items())


def test_a_conjugate_view_is_not_its_base():
    value = torch.tensor([1 + 2j])
    tree, tensors = flatten({"value": value, "conjugate": value.conj()})
    assert torch.equal(unflatten(tree, tensors)["conjugate"], torch.tensor([1 - 2j]))


@pytest.mark.parametrize("tensor", [torch.eye(2).to_sparse(), torch.empty(2, device="meta")])
def test_tensors_without_dense_data_are_refused(tensor):
    with pytest.raises(StateError, match="weight is a sparse, quantized or meta tensor"):
        flatten({"weight": tensor})


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"a": [object()]}, "a.0 is of type object, which a checkpoint cannot store"),
        ({"a": {(1, 2): 3}}, "a is of type dict"),
        (object(), "the state is of type object"),
    ],
)
def test_what_cannot_be_represented_as_json_is_refused(state, message):
    with pytest.raises(StateError, match=message):
        flatten(state)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"$tensor": "gone"}, "the tensor 'gone' is missing"),
        ({"$tensor": [1]}, "is missing"),
        ({"$dict": [1, 2]}, "not a list of keys and values"),
        ({"$dict": [[[], 2]]}, "not a list of keys and values"),
    ],
)
def test_malformed_json_is_refused(tree, message):
    with pytest.raises(StateError, match=message):
        unflatten(tree, {})
