import json
import random

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from trainer import CheckpointError
from trainer.checkpoints.rng_state import capture_rng, restore_rng

NUMPY = np.random  # the global generator


def draw():
    return [random.random(), random.gauss(0, 1), NUMPY.rand(), NUMPY.randn(), torch.rand(3).tolist()]


@pytest.fixture(autouse=True)
def _as_before():
    state = capture_rng()
    yield
    restore_rng(state)


@pytest.mark.parametrize("drawn", [0, 1, 700])
def test_all_generators_continue_where_they_were(drawn):
    for _ in range(drawn):  # after an odd number, the second of a pair of normal numbers is cached
        draw()
    random.gauss(0, 1)
    NUMPY.randn()
    state = json.loads(json.dumps(capture_rng([torch.device("cpu")])))
    expected = [draw() for _ in range(3)]
    assert restore_rng(state) == []
    assert [draw() for _ in range(3)] == expected


def test_missing_devices_are_returned():
    state = capture_rng()
    assert restore_rng({**state, "cuda:63": state["cpu"]}) == ["cuda:63"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(key=st.sampled_from(["cpu", "python", "numpy", "cuda:0", "nonsense"]), value=JSON)
def test_a_damaged_state_is_refused(key, value):
    state = {**capture_rng(), key: value}
    with pytest.raises(CheckpointError, match="the random state in the checkpoint is damaged") as caught:
        restore_rng(state)
    assert "\n" not in str(caught.value)


@given(place=st.integers(0, 4), value=JSON)
def test_a_damaged_entry_is_refused_or_harmless(place, value):
    state = capture_rng()
    state["numpy"][place] = value
    try:
        restore_rng(state)
    except CheckpointError:
        return
    draw()


def test_a_position_beyond_the_keys_is_refused():
    state = capture_rng()
    state["numpy"][2] = 10**6
    with pytest.raises(CheckpointError, match="the position of numpy's generator is 1000000"):
        restore_rng(state)
