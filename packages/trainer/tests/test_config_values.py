from typing import Literal

import pytest
import yaml
from hypothesis import given, strategies as st

from optim import Segment
from trainer import ConfigError
from trainer.config_values import ConfigDumper, ConfigLoader, check_value, describe_type, nearest_key, parse_value

Choice = Literal["auto", "on", "off"]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("7", int, 7),
        ("1_000", int, 1000),
        ("null", int | None, None),
        ("7", float, 7.0),
        ("1e-3", float, 0.001),
        ("1.5E+3", float, 1500.0),
        (".inf", float, float("inf")),
        ("true", bool, True),
        ("on", Choice, "on"),
        ("on", Choice | bool, "on"),
        ("true", Choice | bool, True),
        ("7", str, "7"),
        ("null", str, "null"),
        ("null", str | None, None),
        ("", str | None, ""),
        ("a: b", str, "a: b"),
        ("{", str, "{"),
        ("a b.bin", tuple[str, ...] | str | None, "a b.bin"),
        ("[a.bin, b.bin]", tuple[str, ...] | str | None, ("a.bin", "b.bin")),
        ("[1, 2.5]", tuple[float, ...], (1.0, 2.5)),
        ("[{until_step: 3, to_lr: 1}]", tuple[Segment, ...], (Segment(3, 1.0),)),
    ],
)
def test_values_from_text(text, kind, value):
    parsed = parse_value("key", text, kind)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("abc", int, "key is 'abc': give a whole number"),
        ("7.0", int, "key is 7.0: give a whole number"),
        ("true", int, "key is True: give a whole number"),
        ("None", int | None, "key is 'None': give a whole number or null"),
        ("", int, "key is '': give a whole number"),
        ("{", int, "key is '{': give a whole number"),
        ("nan", float, "key is 'nan': give a number"),
        ("9" * 400, float, f"key is {'9' * 400}: give a number"),
        ("1", bool, "key is 1: give true or false"),
        ("yes", Choice, "key is True: choose one of auto, on, off"),
        ("fast", Choice, "key is 'fast': choose one of auto, on, off"),
        ("fast", Choice | bool, "key is 'fast': give auto, on, off, true or false"),
        ("[0.9]", tuple[float, float], "key is [0.9]: give a list of 2 numbers"),
        ("[0.9, x]", tuple[float, float], "key[1] is 'x': give a number"),
        ("[1, 2]", tuple[str, ...] | str, "key is [1, 2]: give a list of texts or text"),
        ("[{until_step: 3}]", tuple[Segment, ...], "key[0] has no to_lr: give until_step, to_lr"),
        ("2026-02-30", int, "key is '2026-02-30': give a whole number"),
    ],
)
def test_values_of_another_type(text, kind, message):
    with pytest.raises(ConfigError) as caught:
        parse_value("key", text, kind)
    assert str(caught.value) == message


def test_values_in_files_are_not_parsed_as_text():
    with pytest.raises(ConfigError, match=r"^key is '7': give a whole number$"):
        check_value("key", "7", int)
    with pytest.raises(ConfigError, match=r"^key is 7: give text$"):
        check_value("key", 7, str)


@given(st.text() | st.floats(allow_nan=False) | st.integers())
def test_what_is_written_reads_back_equal(value):
    text = yaml.dump({"key": value}, Dumper=ConfigDumper, allow_unicode=True)
    assert yaml.load(text, ConfigLoader) == {"key": value}


def test_types_in_words():
    assert describe_type(tuple[Segment, ...]) == "a list of mappings"
    assert describe_type(Choice | None) == "auto, on, off or null"
    assert describe_type(tuple[str, ...] | str | None) == "a list of texts, text or null"
    assert describe_type(Segment) == "a mapping of keys to values"


def test_the_nearest_key_is_similar_as_a_whole_or_in_its_last_part():
    known = ["model.d_model", "model.d_ff", "training.steps", "schedule.max_lr"]
    assert nearest_key("d_model", known) == "model.d_model"
    assert nearest_key("traning.steps", known) == "training.steps"
    assert nearest_key("schedule.lr_max", known) == "schedule.max_lr"
