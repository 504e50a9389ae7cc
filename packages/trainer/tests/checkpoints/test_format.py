import hashlib
import json
import math

import pytest
from hypothesis import given, strategies as st

from trainer import CheckpointError
from trainer.checkpoints import StateError
from trainer.checkpoints.format import FileRecord, Progress, StoredState, decode_state, digest, encode_state

FILES = {name: FileRecord(12, "0" * 64) for name in ("model.safetensors", "optimizer.safetensors")}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON, max_size=3)
LOSSES = st.none() | st.floats(allow_nan=False, allow_infinity=False)
PROGRESS = st.builds(
    lambda step, best, **rest: Progress(step=step, best_loss=best, best_step=None if best is None else step, **rest),
    step=st.integers(0, 2**63 - 1),
    best=LOSSES,
    run_id=st.none() | st.from_regex(r"[a-z][a-z0-9._-]{0,20}", fullmatch=True),
    elapsed_seconds=st.floats(0, allow_infinity=False),
    config_digest=st.none() | JSON.map(digest),
    schedule=OBJECTS,
    valid_loss=LOSSES,
    rng=st.lists(OBJECTS, max_size=2).map(tuple),
    extras=OBJECTS,
)
FULL = Progress(7, "run-1", 1.5, "a" * 64, {"shape": "wsd"}, 3.0, 2.5, 6, ({"cpu": ""},), {"seen": [1, 2]})


def stored(progress):
    return StoredState(progress, {"w": {"$tensor": "w"}}, "AdamW", {"state": {}, "param_groups": []}, FILES)


@given(PROGRESS)
def test_round_trip(progress):
    assert decode_state(encode_state(stored(progress))) == stored(progress)


def test_format_1_is_decoded():
    state = {"format": 1, "iteration": 5, "model": {}, "optimizer_class": None, "optimizer": None}
    assert decode_state(json.dumps(state).encode()) == StoredState(Progress(5), {}, None, None, None)


def decoded(content):
    """The decoded state, or None if it is refused; any other error fails the test."""
    try:
        return decode_state(content)
    except CheckpointError:
        return None


@given(data=st.data())
def test_a_changed_byte_changes_nothing_or_is_detected(data):
    content = encode_state(stored(FULL))
    place = data.draw(st.integers(0, len(content) - 1))
    change = data.draw(st.binary(max_size=3))
    changed = content[:place] + change + content[place + data.draw(st.integers(0, 2)) :]
    assert decoded(changed) in (stored(FULL), None)


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


@given(data=st.data(), value=JSON | st.floats())
def test_a_wrong_value_with_a_valid_hash_is_detected(data, value):
    body = json.loads(encode_state(stored(FULL)))
    del body["sha256"]
    *parents, last = data.draw(st.sampled_from([place for place in places(body) if place]))
    inner = body
    for key in parents:
        inner = inner[key]
    inner[last] = value
    digest = hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()
    back = decoded(json.dumps({**body, "sha256": digest}).encode())
    assert back is None or back.progress.step == body.get("step", body.get("iteration"))


@pytest.mark.parametrize(
    "opening", [b"[", b'{"a":', b'{"format":2,"model":{"a":', b'{"format":1,"iteration":1,"model":[']
)
def test_deeply_nested_json_is_refused(opening):
    with pytest.raises(CheckpointError):
        decode_state(opening * 200_000)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"step": -1}, "step is -1, but it must be an integer"),
        ({"step": True}, "step is True"),
        ({"step": 2.0}, "step is 2.0"),
        ({"step": 1, "run_id": "../../etc"}, "run_id is '../../etc'"),
        ({"step": 1, "elapsed_seconds": -0.5}, "elapsed_seconds is -0.5"),
        ({"step": 1, "elapsed_seconds": math.inf}, "elapsed_seconds is inf"),
        ({"step": 1, "config_digest": "abc"}, "config_digest is 'abc', but it must be 64"),
        ({"step": 1, "valid_loss": math.nan}, "valid_loss is nan"),
        ({"step": 1, "best_loss": 1.0}, "best_step is None, but it must be given together with best_loss"),
        ({"step": 1, "best_loss": 1.0, "best_step": 2}, "best_step is 2, but it must be at most the step"),
        ({"step": 1, "schedule": []}, "schedule is .., but it must be a dictionary"),
        ({"step": 1, "rng": [{}]}, "rng is .*, but it must be a tuple"),
    ],
)
def test_impossible_progress_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Progress(**fields)


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, {"a": [object()]}, {1, 2}])
def test_extras_that_json_would_change_are_refused(value):
    with pytest.raises(StateError, match="which cannot be stored as JSON without change"):
        Progress(1, extras={"value": value})


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
