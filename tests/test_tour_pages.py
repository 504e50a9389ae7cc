"""What a block on a page of the tour means, which code it shows, and when an output is the one that is shown."""

import pytest

from tour_pages import (
    Session,
    difference,
    examples,
    read_blocks,
    sample_difference,
    source_of,
    with_outputs,
    with_sources,
)
from tour_pages.running import command_lines

PAGE = """Text.

```python
x = 1
print(x + 1)
```

```text
2
```

<!-- source: package/code.py Box.size -->
```python
old
```

```python
print(x)
```

Text between.

<!-- not run: it is long -->
```sh
uv run apps/long.py
```
"""
CODE = '''"""A module."""

import functools


class Box:
    @functools.cache
    def size(self):
        """Return it.

        Twice.
        """

        first = 1
        return first + 1

    def empty(self):
        return 0
'''


@pytest.fixture
def root(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "code.py").write_text(CODE, "utf-8")
    return tmp_path


def test_blocks_have_their_kinds():
    blocks = read_blocks(PAGE)
    assert [block.kind for block in blocks] == ["run", "output", "source", "run", "not run"]
    assert [block.comment for block in blocks] == ["", "", "package/code.py Box.size", "", "it is long"]
    assert all(PAGE[block.start : block.end] == block.text for block in blocks)


def test_an_output_belongs_to_the_example_right_before_it():
    first, second = examples(PAGE, read_blocks(PAGE))
    assert first.output.text == "2\n"
    assert second.output is None


def test_an_unknown_comment_is_refused():
    with pytest.raises(ValueError, match="<!-- notrun: x --> before a block: begin it with source, not run, or sample"):
        read_blocks("<!-- notrun: x -->\n```sh\nuv run a.py\n```\n")


def test_examples_of_a_page_share_their_names():
    session = Session("page.md")
    assert [session.run(example) for example in examples(PAGE, read_blocks(PAGE))] == ["2\n", "1\n"]


def test_the_language_of_an_example_must_be_known():
    (example,) = examples("", read_blocks("```ruby\nputs 1\n```\n"))
    with pytest.raises(ValueError, match="has a block of ruby: write python, sh or text"):
        Session("page.md").run(example)


def test_continued_commands_are_joined():
    assert command_lines("uv run a.py \\\n    --x 1\n\nuv run b.py\n") == ["uv run a.py      --x 1", "uv run b.py"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rm -r runs", "does not begin with uv run"),
        ("uv run apps/there_is_none.py", "has the exit code 2"),
    ],
)
def test_commands_that_cannot_be_run(line, message):
    (example,) = examples("", read_blocks(f"```sh\n{line}\n```\n"))
    with pytest.raises(ValueError, match=message):
        Session("page.md").run(example)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("package/code.py", CODE),
        ("package/code.py Box.empty", "def empty(self):\n    return 0\n"),
        (
            "package/code.py Box.size, without docstring",
            "@functools.cache\ndef size(self):\n    first = 1\n    return first + 1\n",
        ),
        ('package/code.py Box.size, from "first = 1" to "return"', "first = 1\nreturn first + 1\n"),
        ('package/code.py, from "import" to "import"', "import functools\n"),
        ("package/code.py Box.empty, without docstring", "def empty(self):\n    return 0\n"),
    ],
)
def test_source_is_cut_out(root, request_, expected):
    assert source_of(request_, root) == expected


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("package/code.py Box.height", "package/code.py does not define Box.height"),
        ('package/code.py Box.size, from "return" to "import"', "there are no such lines"),
        ("package/code.py Box.size, whole", "is not FILE or FILE NAME"),
        ("package/code.py, without docstring", "is not FILE or FILE NAME"),
    ],
)
def test_source_that_is_not_there(root, request_, message):
    with pytest.raises(ValueError, match=message):
        source_of(request_, root)


def test_pages_are_rewritten(root):
    page = with_sources(PAGE, root)
    assert source_of("package/code.py Box.size", root) in page
    (output,) = (block for block in read_blocks(page) if block.kind == "output")
    changed = with_outputs(page, {output: "3\n\n"})
    assert changed == page.replace("```text\n2\n```", "```text\n3\n```")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("a  b\n", "a b \n\n"),
        ("loss 2.43\n", "loss 2.50\n"),
        ("rate 6.67e-04", "rate 6.70e-04"),
        ("took … s\nend\n", "took 1.5 s\nend\n"),
        ("begin\n…\nend\n", "begin\nx\ny\nend\n"),
        ("begin\n…\nend\n", "begin\nend\n"),
        ("zero 0.000", "zero -0.001"),
    ],
)
def test_outputs_that_are_the_same(shown, printed):
    assert difference(shown, printed) is None


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("2\n", "3\n"),
        ("loss 2.43\n", "loss 2.60\n"),
        ("a\nb\n", "a\n"),
        ("a\n", "a\nb\n"),
        ("begin\n…\nend\n", "begin\nx\n"),
        ("took … s\nend\n", "took\n1.5 s\nend\n"),
        ("2.0\n", "2\n"),
    ],
)
def test_outputs_that_differ(shown, printed):
    assert difference(shown, printed) is not None


def test_samples_may_differ_if_their_words_exist():
    vocabulary = {"one", "day", "the", "cat", "sat", "down"}
    shown = "One day the cat sat. The cat sat down."
    assert sample_difference(shown, "One day, the cat sat blorp.", vocabulary) is None
    assert sample_difference(shown, "The cat sat down.", vocabulary) is not None  # another prompt
    assert sample_difference(shown, "One day qwe rty uio asd fgh", vocabulary) is not None  # no words
    assert sample_difference(shown * 4, "One day the", vocabulary) is not None  # too short
