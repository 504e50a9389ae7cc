import pickle

from bpe.lazy_patterns import LazyPattern


def test_it_is_compiled_once_and_on_first_use():
    pattern = LazyPattern(r"\p{L}+")
    assert "compiled" not in pattern.__dict__
    assert pattern.findall("ab 1 c") == ["ab", "c"]
    assert pattern.compiled is pattern.compiled
    assert [match.span() for match in pattern.finditer("ab c")] == [(0, 2), (3, 4)]
    assert pattern.search("1 ab", 2, 3).span() == (2, 3)
    assert pattern.match("1 ab") is None


def test_pickling_keeps_the_expression():
    pattern = LazyPattern("a+")
    pattern.findall("aa")
    copied = pickle.loads(pickle.dumps(pattern))
    assert (copied.pattern, copied.__dict__) == ("a+", {"pattern": "a+"})
