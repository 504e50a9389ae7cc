import warnings

import numpy as np
import pytest

pytest.importorskip("numba", reason="needs numba")
from bpe.automata.determinize import automaton
from bpe.compiled import scanner
from bpe.kernels.scanning import layout as scanning
from bpe.pre_tokenizers import PrefixSpace, Split, StandIns

from ..automata.published_patterns import PUBLISHED
from ..automata.published_steps import BYTE_STEPS
from .conftest import WITHOUT_AUTOMATON


def test_every_published_pattern_has_a_scanner():
    assert all(map(scanner.has_scanner, PUBLISHED.values()))
    assert not scanner.has_scanner(WITHOUT_AUTOMATON)


def test_steps_for_bytes():
    assert all(map(scanner.has_scanner, BYTE_STEPS.values()))
    steps = BYTE_STEPS["Falcon"]
    assert not scanner.has_scanner((PrefixSpace(), *steps))
    without = (*steps[:3], Split(r"\s", "Removed"), steps[3])
    assert not scanner.has_scanner(without)
    assert scanning.SPLITTING_BYTES not in dict(scanner.scanner_arguments(without).items())
    with pytest.warns(UserWarning, match="no fast scanner.*: text that is removed has no automaton"):
        scanner.warn_if_slow(without, 30_000_000)
    assert scanner.has_scanner((*steps[:2], StandIns()))


@pytest.mark.parametrize("name", ["o200k", "DeepSeek V3"])
def test_pages_give_the_class_of_every_code_point(name):
    a, classes = scanner.scanner_arguments(PUBLISHED[name]), automaton(PUBLISHED[name]).classes
    code_points = np.arange(0x110000)
    found = a[scanning.CLASS_BLOCKS].reshape(-1, 256)[a[scanning.CLASS_PAGES][code_points >> 8], code_points & 255]
    for first, last, number in classes.ranges():
        assert (found[first : last + 1] == number).all()
    assert (a[scanning.CLASS_BLOCKS][:256] == found[:256]).all()


def test_an_automaton_that_is_too_large_for_a_kernel_is_not_used(monkeypatch):
    pattern = "[abc]d|e"
    assert scanner.automaton_arguments(automaton(pattern))[scanning.PATTERN] == scanning.AUTOMATON
    monkeypatch.setattr(scanner, "_LARGEST_OFFSET", 40)
    assert scanner.automaton_arguments(automaton(pattern))[scanning.PATTERN] == scanning.NO_SCANNER


def test_a_slow_pattern_is_reported_once_when_the_text_is_large():
    pattern = r"a\b|(?<=\d)c"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scanner.warn_if_slow(pattern, 1_000_000)
    with pytest.warns(UserWarning, match=r"has no fast scanner.*at character 1, '\\\\b\|\(\?<=\\\\d\)c'"):
        scanner.warn_if_slow(pattern, 30_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scanner.warn_if_slow(pattern, 30_000_000)
