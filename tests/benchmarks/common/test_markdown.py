"""Tables and lists of the pages."""

from benchmarks.common.markdown import conditions, failed_cells, table


def test_table():
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_a_failed_case_fills_its_line_with_dashes_and_the_reason():
    assert failed_cells(["p", "eager"], "no | memory", 5) == ["p", "eager", "–", "–", "failed: no / memory"]


def test_conditions_name_libraries_that_are_not_installed(section_head):
    lines = conditions(section_head, "rounds: {}")
    assert lines[0] == "- Command: `python -m benchmarks.example all`"
    assert lines[1] == "- Date: 2024-01-01 00:00 UTC; rounds: 3"
    assert lines[2] == "- Machine: A, 2 cores, 8 GiB, Linux, Python 3.11"
    assert lines[3] == "- Versions: torch 2, rustbpe not installed"
