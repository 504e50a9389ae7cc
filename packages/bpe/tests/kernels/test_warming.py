"""Several kernels at the same time: which process compiles which, and what is reported."""

import pytest

from bpe.kernels import warming

ALL = ["tables", "encode16", "encode32", "train"]


@pytest.mark.parametrize(
    ("names", "num_cores", "expected"),
    [
        (ALL, 16, [[name] for name in ALL]),
        (ALL, 3, [["tables", "encode16", "encode32"], ["train"]]),
        (ALL, 1, [ALL]),
        (["encode32", "train"], 2, [["encode32"], ["train"]]),
        (["tables", "encode16", "encode32"], 2, [["tables", "encode16", "encode32"]]),
    ],
)
def test_what_each_process_compiles(names, num_cores, expected):
    assert warming.groups(names, num_cores) == expected


def test_processes_report_what_is_finished(tmp_path, monkeypatch):
    monkeypatch.setattr(
        warming, "_PROGRAM", f"import sys, pathlib\nfor n in sys.argv[1:]: pathlib.Path({str(tmp_path)!r}, n).touch()"
    )
    counts = []
    warming.compile_in_processes(ALL, 2, lambda name: (tmp_path / name).exists(), counts.append)
    assert counts[-1] == 4
    assert counts == sorted(counts)


def test_a_process_that_fails_is_no_error(monkeypatch):
    monkeypatch.setattr(warming, "_PROGRAM", "raise SystemExit(1)")
    counts = []
    warming.compile_in_processes(["tables"], 2, lambda name: False, counts.append)
    assert counts[-1] == 0
