"""The report of a scale: from files of results, and the committed ones again from the results beside them."""

import doctest
import json
import re

import pytest

from experimentation.findings import figures, losses
from experimentation.report import cells, curves, write_report
from experimentation.report.document import Code, Document, Folded, Grid, Heading, Link, Listing, Paragraph
from experimentation.report.markdown import to_markdown
from experimentation.report.web_page import to_html

from .conftest import ROOT
from .html_page import read_page

COMMITTED = sorted(path for path in (ROOT / "docs" / "results").glob("*") if (path / "data").is_dir())
STEPS = [0, 10, 20, 30]
EXPERIMENTS = {
    "learning_rate": """
title: Learning rate
question: Which rate is best?
kind: training
finding: learning_rate
members:
  "1e-3": {schedule.max_lr: 1.0e-3}
  "1e-2": {schedule.max_lr: 1.0e-2}
  "1": {schedule.max_lr: 1.0}
reported:
  source: a page
  valid_loss: {"1e-3": 2.5, "5e-3": 2.4, "1": diverged}
""",
    "seeds": """
title: Seeds
question: What is the spread?
kind: training
finding: seeds
members:
  base: {}
seeds: [0, 1]
""",
    "ratios": """
title: Ratios
question: How long are tokens?
kind: compression
finding: compression
members:
  base: {}
""",
}


def member(name, loss, seed=0, **changes):
    """The result of a training run as it is in a file; without a loss it diverged."""
    curve = {"step": STEPS, "seconds": [step / 2 for step in STEPS], "value": [7.0, 4.0, 3.5, loss or 8.0]}
    return {
        "format": 1,
        "name": name,
        "seed": seed,
        "kind": "training",
        "fingerprint": f"{name} {seed}",
        "settings": {} if name == "base" else {"schedule.max_lr": float(name)},
        "status": "finished" if loss else "diverged",
        "values": {"valid_loss": loss, "tokens": 1000} if loss else {"diverged_at_step": 30},
        "curves": {"valid_loss": curve},
        "rows": [],
        "texts": [],
        "seconds": 60.0,
        **changes,
    }


RATES = [member("1e-3", 3.4), member("1e-2", 3.2), member("1", None)]
SEEDS = [member("base", 3.2), member("base", 3.22, seed=1)]


@pytest.fixture
def report(tmp_path):
    """Write a report of results by experiment, and return its folder."""
    experiments, data, out = tmp_path / "experiments", tmp_path / "out" / "data", tmp_path / "out"
    experiments.mkdir()
    data.mkdir(parents=True)
    (experiments / "scales").mkdir()
    for scale in ("cpu", "smoke"):
        text = f"title: the size of {scale}\nbase: {{model.vocab_size: 512}}\n"
        (experiments / "scales" / f"{scale}.yaml").write_text(text)
    for name, text in EXPERIMENTS.items():
        (experiments / f"{name}.yaml").write_text(text)

    def write(scale="cpu", **results):
        for name, members in results.items():
            content = {"format": 1, "experiment": name, "scale": scale, "environment": {"cpu": "a processor"}}
            (data / f"{name}.json").write_text(json.dumps({**content, "members": members}))
        assert write_report(data, out, experiments) == out / "README.md"
        return out

    return write


def test_both_pages_say_what_the_results_show(report):
    out = report(learning_rate=RATES, seeds=SEEDS)
    page = read_page((out / "index.html").read_text("utf-8"))
    markdown = (out / "README.md").read_text("utf-8")
    for part in (
        "Experiments at scale cpu",
        "the size of cpu",
        "a processor",
        "Which rate is best?",
        "Training diverges from 1 on, 100 times the best rate.",
        "Over 2 seeds the final loss is 3.210",
        "diverged at step 30",
        "Edge of stability",
        "5 members, of which 1 diverged; 1 not run",
    ):
        assert part in page.text
        assert part in markdown
    assert page.tags.count("svg") == 5
    assert len(list(out.glob("*.svg"))) == 5
    assert "| [Learning rate](#learning_rate) | reproduced | The best of 3 rates is 0.01" in markdown


def test_figures_reported_elsewhere_stand_beside_ours(report):
    markdown = (report(learning_rate=RATES) / "README.md").read_text("utf-8")
    assert re.search(r"^\| 1e-3 \| 3\.400 \| 2\.5 \|", markdown, re.MULTILINE)
    assert re.search(r"^\| 1 \| diverged at step 30 \| diverged \|", markdown, re.MULTILINE)
    assert re.search(r"^\| 5e-3 \| not at this scale \| 2\.4 \|", markdown, re.MULTILINE)
    assert "Reported elsewhere: a page." in markdown


def test_what_is_missing_is_called_not_run(report):
    markdown = (report(learning_rate=RATES[:2]) / "README.md").read_text("utf-8")
    assert "| 1 | not run | diverged |" in markdown
    assert "| [Seeds](#seeds) | not run |" in markdown
    assert "2 members; 4 not run" in markdown


def test_the_same_results_give_the_same_files(report):
    out = report(learning_rate=RATES, seeds=SEEDS)
    first = {path.name: path.read_bytes() for path in out.glob("*.*")}
    (out / "of_an_earlier_report.svg").write_text("")
    report()
    assert {path.name: path.read_bytes() for path in out.glob("*.*")} == first


def test_a_figure_is_drawn_on_white_in_its_file_and_in_the_colours_of_the_page(report):
    out = report(seeds=SEEDS)
    file = (out / "seeds-by-step.svg").read_text("utf-8")
    assert 'fill="#ffffff"' in file
    assert "currentColor" not in file
    assert "currentColor" in (out / "index.html").read_text("utf-8")


def test_curves_that_are_not_finite_end_there(report):
    curve = {"step": STEPS, "seconds": STEPS, "value": [7.0, 6.0, None, None]}
    empty = {"step": STEPS, "seconds": STEPS, "value": [None] * 4}
    broken = [member("1e-3", None, curves={"valid_loss": curve}), member("1e-2", None, curves={"valid_loss": empty})]
    out = report(learning_rate=[*broken, member("1", None, curves={})])
    assert "1e-3 (diverged)" in (out / "learning_rate-by-step.svg").read_text("utf-8")


def test_the_huge_loss_of_a_diverged_run_does_not_flatten_the_others(report):
    curve = {"step": STEPS, "seconds": STEPS, "value": [7.0, 2e7, 2e7, 2e7]}
    out = report(learning_rate=[member("1e-3", 3.4), member("1", None, curves={"valid_loss": curve})])
    finished = next(line for line in drawn(out / "learning_rate-by-step.svg") if len(line) == 2 * len(STEPS))
    heights = finished[1::2]
    assert max(heights) - min(heights) > 100


def test_measurements_have_their_rows_and_texts(report):
    rows = [{"text": "a|b", "ratio": 4.0123}, {"text": "<b>", "bytes": 12_345}]
    texts = [{"title": "a story", "text": "Once\nupon ``` a <time>"}, {"title": "another", "text": "*"}]
    changes = {"kind": "compression", "values": {}, "curves": {}, "rows": rows, "texts": texts}
    out = report(ratios=[member("base", 3.0, **changes)])
    page = read_page((out / "index.html").read_text("utf-8"))
    assert "upon ``` a <time>" in page.text
    assert "````text\nOnce\nupon ``` a <time>\n````" in (out / "README.md").read_text("utf-8")


def test_text_is_not_read_as_markup():
    document = Document(
        "a_b",
        [
            Heading("<x>", "x"),
            Paragraph("1 < 2 *always* \x00", "finding", "Reproduced"),
            Grid(("a", "b"), (("|", Code("a|b``c")), (Link("[x]", "x"), "two\nlines")), "t"),
            Folded("<s>", (Listing("", "~~~\n````"),)),
        ],
    )
    assert to_markdown(document) == (
        "# a\\_b\n\n"
        '<a id="x"></a>\n\n## &lt;x>\n\n'
        "> **Reproduced.** 1 &lt; 2 \\*always\\* \ufffd\n\n"
        "**t**\n\n| a | b |\n| --- | --- |\n| \\| | ```a\\|b``c``` |\n| [\\[x\\]](#x) | two lines |\n\n"
        "<details><summary>&lt;s&gt;</summary>\n\n`````text\n~~~\n````\n`````\n\n</details>\n"
    )
    assert "<x>" in read_page(to_html(document)).text


class TestMistakes:
    def test_there_are_no_results(self, report):
        with pytest.raises(ValueError, match="has no results: run experiments first"):
            report()

    def test_results_are_of_several_scales(self, report):
        report(seeds=SEEDS)
        with pytest.raises(ValueError, match="of the scales cpu and smoke"):
            report(scale="smoke", learning_rate=RATES)

    def test_results_are_of_an_unknown_experiment(self, report):
        with pytest.raises(ValueError, match="results of magic, which is not in"):
            report(magic=SEEDS)


@pytest.mark.parametrize("committed", COMMITTED, ids=lambda path: path.name)
def test_committed_reports_follow_from_the_results_beside_them(committed, tmp_path):
    write_report(committed / "data", tmp_path)
    for name in ("README.md", "index.html"):
        assert without_pictures((tmp_path / name).read_text("utf-8")) == without_pictures(
            (committed / name).read_text("utf-8")
        )
    written, stored = ({path.name: drawn(path) for path in folder.glob("*.svg")} for folder in (tmp_path, committed))
    assert written.keys() == stored.keys()
    for name, lines in written.items():
        assert len(lines) == len(stored[name])
        for line, other in zip(lines, stored[name], strict=True):
            assert line == pytest.approx(other, abs=0.1), name


@pytest.mark.parametrize("module", [losses, figures, cells, curves], ids=lambda module: module.__name__)
def test_examples_in_docstrings(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def without_pictures(page):
    return re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)


def drawn(path):
    """The coordinates of all lines of a figure, in points; its text may depend on the version of matplotlib."""
    lines = re.findall(r'<path d="([^"]*)" clip-path', path.read_text("utf-8"))
    return [[float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", line)] for line in lines]
