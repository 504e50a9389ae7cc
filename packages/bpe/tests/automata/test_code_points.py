import sys
from itertools import pairwise

import pytest
import regex
from hypothesis import given, strategies as st

from bpe.automata.code_points import EVERYTHING, LAST, complement, contains, divide, matching, union

ALL = "".join(map(chr, range(sys.maxunicode + 1)))
edges = st.integers(0, 20) | st.integers(LAST - 20, LAST)
sets = st.lists(st.tuples(edges, edges).map(sorted).map(tuple), max_size=4).map(lambda r: union([tuple(r)]))
probes = [*range(22), *range(LAST - 22, LAST + 1)]


def members(ranges):
    return {c for c in probes if any(first <= c <= last for first, last in ranges)}


@given(a=sets, b=sets)
def test_algebra(a, b):
    assert members(union([a, b])) == members(a) | members(b)
    assert members(complement(a)) == set(probes) - members(a)
    assert complement(complement(a)) == a
    assert union([a, complement(a)]) == EVERYTHING
    assert {c for c in probes if contains(a, c)} == members(a)


@given(given=st.lists(sets, max_size=4))
def test_classes_are_the_coarsest_division(given):
    classes, numbers = divide(given)
    for c in probes:
        assert [classes.of(c) in inside for inside in numbers] == [contains(s, c) for s in given]
    signatures = {tuple(number in inside for inside in numbers) for number in range(classes.count)}
    assert len(signatures) == classes.count
    spans = list(classes.ranges())
    assert spans[0][0] == 0
    assert spans[-1][1] == LAST
    assert all(a[1] + 1 == b[0] and a[2] != b[2] for a, b in pairwise(spans))


@pytest.mark.parametrize(
    "expression",
    [r"\p{L}", r"\p{Cn}", r"\P{L}", r"\s", r"\w", r"\p{Han}", r"\p{Co}", "(?i:k)", r"\p{M}", r"\p{Block=Tags}"],
)
def test_matching_is_what_regex_matches_for_each_of_all_characters(expression):
    """Also where only one code point of many that are alike is asked about."""
    found = [(match.start(), match.end() - 1) for match in regex.finditer(f"(?:{expression})+", ALL)]
    assert matching(expression) == tuple(found)
