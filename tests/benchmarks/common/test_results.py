"""Result files, and the pages in docs/benchmarks that are made from them."""

import importlib
import json
import os
import shlex
import subprocess
import sys

import pytest

from benchmarks.common import results

BENCHMARKS = ["tokenizer", "model", "trainer"]


@pytest.fixture
def docs(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "DOCS", tmp_path / "docs")
    return tmp_path / "docs"


def render(merged):
    return "# Title\n\n" + " ".join(merged["sections"]) + "\n"


def test_sections_that_were_not_measured_again_are_kept(docs):
    known = ["one", "two"]
    results.write_docs({"schema": 1, "sections": {"one": 1, "two": 2}}, "example", known, render)
    results.write_docs({"schema": 1, "sections": {"two": 3}}, "example", known, render)
    assert json.loads((docs / "example.json").read_text("utf-8"))["sections"] == {"one": 1, "two": 3}
    assert (docs / "example.md").read_text("utf-8") == "# Title\n\none two\n"


def test_a_picture_is_placed_below_the_title(docs):
    results.write_docs({"schema": 1, "sections": {"one": 1}}, "example", ["one"], render, lambda *_given: "Speed")
    assert (docs / "example.md").read_text("utf-8") == "# Title\n\n![Speed](example.svg)\n\none\n"


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 2, "sections": {}}', '{"schema": 1, "sections": {"x": 1}}'])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "file.json").write_text(content, "utf-8")
    with pytest.raises(ValueError, match=r"file\.json is not a file of results of this benchmark"):
        results.read(tmp_path / "file.json", ["one"])


def test_each_section_is_written_as_soon_as_it_is_measured(tmp_path):
    def measure(name):
        if name == "two":
            raise KeyboardInterrupt
        return {"name": name}

    with pytest.raises(KeyboardInterrupt):
        results.measure(["one", "two"], measure, tmp_path / "out.json")
    assert results.read(tmp_path / "out.json", ["one"])["sections"] == {"one": {"name": "one"}}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_page_in_docs_is_that_of_its_results(name):
    command = importlib.import_module(f"benchmarks.{name}.command")
    report = importlib.import_module(f"benchmarks.{name}.report")
    measured = results.read(results.DOCS / f"{name}.json", command.SECTIONS)
    assert measured["sections"].keys() == command.SECTIONS.keys()
    page = (results.DOCS / f"{name}.md").read_text("utf-8")
    assert report.page(measured) == "\n\n".join(part for part in page.split("\n\n") if not part.startswith("!["))
    for section in measured["sections"].values():
        typed = shlex.split(section["command"])
        assert typed[:3] == ["python", "-m", f"benchmarks.{name}"]
        assert command._parser().parse_args(typed[3:])


@pytest.mark.parametrize("name", BENCHMARKS)
def test_help_and_mistakes_are_answered_without_importing_torch(name):
    code = f"import sys; from benchmarks.{name} import command; command.main(sys.argv[1:])"
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    command = [sys.executable, "-c", code, "all", "--no-such-option"]
    done = subprocess.run(command, cwd=results.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "ValueError" in done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert f"benchmarks.{name}.report" in imported
    assert "torch" not in imported


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_runs_as_a_module(name):
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    done = subprocess.run(command, cwd=results.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"usage: python -m benchmarks.{name} ")
