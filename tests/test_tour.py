"""The tour: every example prints what its page shows, the shown code is the real one, and nothing is missing."""

import contextlib
import io
import re
import runpy
import shlex
import sys
from itertools import pairwise

import pytest

import tour
from tour_pages import Session, difference, read_blocks, source_of
from tour_pages.running import run_command_line

from .conftest import ROOT

TOUR = ROOT / "docs" / "tour"
CHAPTERS = sorted(TOUR.glob("[0-9]*.md"))
PAGES = [TOUR / "README.md", *CHAPTERS]
MADE_LATER = "../results/"
"""Links into this folder may lead nowhere: the report is made by running the experiments."""


def by_name(page):
    return page.stem


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder that looks like the repository, in which all chapters write what the next ones read."""
    folder = tmp_path_factory.mktemp("tour")
    for name in ("apps", "configs", "docs", "packages"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def run_here(line):
    """Run an application in this process, which has loaded torch; a command of a package in one of its own."""
    words = shlex.split(line)
    if not words[2].endswith(".py"):
        return run_command_line(line)
    printed = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        pytest.raises(SystemExit) as exited,
    ):
        patch.setattr(sys, "argv", words[2:])
        runpy.run_path(words[2], run_name="__main__")
    assert not exited.value.code, printed.getvalue()
    return printed.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_examples_print_what_the_page_shows(page, checkout, monkeypatch):
    """In order: a chapter reads files that earlier ones have written."""
    monkeypatch.chdir(checkout)
    done = tour.run_page(page, Session(page.name, run_command=run_here), quiet=True)
    assert [found for ran in done if (found := ran.difference()) is not None] == []


@pytest.mark.parametrize("page", CHAPTERS, ids=by_name)
def test_shown_code_is_that_of_the_source(page):
    for block in read_blocks(page.read_text("utf-8")):
        if block.kind == "source":
            assert block.text == source_of(block.comment, ROOT), f"{block.comment}: run apps/tour.py --write"


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_block_is_run_or_shown_for_a_reason(page):
    """An output must follow its example directly, and what is not run must say why."""
    text = page.read_text("utf-8")
    blocks = read_blocks(text)
    assert len(blocks) == len(re.findall(r"^```\w", text, re.M))
    outputs = {example.output for example in tour.examples(text, blocks)}
    for block in blocks:
        if block.kind in ("output", "sample"):
            assert block in outputs, block.text
        if block.kind == "not run":
            assert block.comment
        if block.kind == "run":
            assert block.language in ("python", "sh")


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_commands_name_what_exists(page):
    for block in read_blocks(page.read_text("utf-8")):
        words = shlex.split(block.text) if block.language == "sh" else []
        for word in words:
            if word.startswith(("apps/", "configs/", "docs/")):
                assert (ROOT / word).is_file(), word


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text("utf-8")):
        if not target.startswith(MADE_LATER):
            assert (page.parent / target).exists(), target


def test_the_chapters_are_linked_in_order():
    contents = (TOUR / "README.md").read_text("utf-8")
    assert re.findall(r"\[\d+\. .*?\]\((\d.*?)\)", contents) == [page.name for page in CHAPTERS]
    for before, after in pairwise(CHAPTERS):
        title = after.read_text("utf-8").splitlines()[0].split(". ", 1)[1]
        assert f"next: [{title}]({after.name})" in before.read_text("utf-8")
        title = before.read_text("utf-8").splitlines()[0].split(". ", 1)[1]
        assert f"before: [{title}]({before.name})" in after.read_text("utf-8")


@pytest.mark.parametrize("page", CHAPTERS, ids=by_name)
def test_every_exercise_has_a_solution_that_is_tested(page):
    exercises = page.read_text("utf-8").split("## Exercises")[1]
    names = re.findall(r"^\d\. `(\w+)\(|(?<= and )`(\w+)\(", exercises, re.M)
    solution = (TOUR / "solutions" / f"test_{page.stem}.py").read_text("utf-8")
    assert len(re.findall(r"^\d\. ", exercises, re.M)) >= 2
    for name in (first or second for first, second in names):
        assert f"\ndef {name}(" in solution, name
        tests = solution[solution.index("\ndef test_") :]
        assert f"{name}(" in tests, name


def test_a_changed_output_is_found(tmp_path, monkeypatch, call):
    page = (TOUR / "01_bytes.md").read_text("utf-8")
    assert "7 characters, 11 bytes" in page
    (tmp_path / "01_bytes.md").write_text(page.replace("7 characters, 11 bytes", "7 characters, 12 bytes"), "utf-8")
    monkeypatch.setattr(tour, "TOUR", tmp_path)
    outcome = call(tour.main, 1)
    assert outcome.code == 1
    assert "7 characters, 12 bytes" in outcome.output
    assert outcome.output.endswith("1 outputs differ from the page\n")


def test_write_updates_code_and_outputs(tmp_path, monkeypatch, call):
    page = (TOUR / "01_bytes.md").read_text("utf-8")
    stale = page.replace("7 characters, 11 bytes", "?").replace('errors="replace"', 'errors="strict"')
    assert stale != page
    (tmp_path / "docs").mkdir()
    copy = tmp_path / "docs" / "01_bytes.md"
    copy.write_text(stale, "utf-8")
    (tmp_path / "packages").symlink_to(ROOT / "packages")
    monkeypatch.setattr(tour, "TOUR", copy.parent)
    monkeypatch.setattr(tour, "ROOT", tmp_path)
    for expected in ("updated", "up to date"):
        assert call(tour.main, 1, "--write").output == f"docs/01_bytes.md: {expected}\n"
    assert copy.read_text("utf-8") == page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["11"], "there is no chapter '11': give a number from 1 to 10"),
        (["--interactive"], "--interactive continues from one chapter: give its number, such as 4 --interactive"),
        (["1", "2", "--interactive"], "--interactive continues from one chapter"),
    ],
)
def test_mistakes_are_answered_in_one_line(call, arguments, message):
    assert message in call(tour.main, *arguments).one_line_error()


def test_a_file_of_an_earlier_chapter_is_missed(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "if an earlier chapter writes it, run that one first" in call(tour.main, 3).one_line_error()


def test_interactive_continues_with_the_names_of_the_chapter(call, monkeypatch):
    given = iter(["print(len(text))"])

    def ask(prompt=""):
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", ask)
    assert "\n7\n" in call(tour.main, 1, "--interactive").output


def test_difference_is_none_for_the_same_text():
    assert difference("a 1.0 …\n", "a 1.01 anything\n") is None
