import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bpe.training_report import TrainingReport, peak_memory

REPORT = TrainingReport(
    engine="reference",
    bytes_read=1_234_567,
    num_pieces=300_000,
    num_distinct_pieces=40_000,
    num_merges=9_743,
    longest_tokens=(b" notwithstanding", b"\xe7\x8b"),
    count_seconds=1.25,
    merge_seconds=0.5,
    total_seconds=1.76,
    peak_memory_bytes=100 * 2**20,
)


def test_it_can_be_read():
    assert str(REPORT).splitlines() == [
        "engine         reference",
        "read           1,234,567 bytes, 300,000 pre-tokens, 40,000 distinct",
        "merges         9,743",
        "longest tokens ' notwithstanding'  '\ufffd'",
        "time           1.76 s (counting 1.25 s, merging 0.50 s)",
        "peak memory    100 MiB",
    ]


def test_unknown_values_are_reported_as_unknown():
    text = str(dataclasses.replace(REPORT, longest_tokens=(), peak_memory_bytes=None))
    assert "longest tokens none" in text
    assert "peak memory    unknown" in text


def test_peak_memory_only_grows():
    """In a process of its own, which has used little memory before."""
    if peak_memory() is None:
        pytest.skip("this system does not report it")
    program = """
from bpe.training_report import peak_memory
before = peak_memory()
block = bytearray(b"x") * (before + 2**26)
size = len(block)
del block
assert peak_memory() >= size > before > 2**20
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_memory_of_the_process_that_started_this_one_does_not_count():
    if not Path("/proc/self/status").is_file():
        pytest.skip("only Linux reports the memory of a process alone")
    program = """
import subprocess, sys
block = bytearray(b"x") * 2**28
child = "from bpe.training_report import peak_memory; assert 2**20 < peak_memory() < 2**27, peak_memory()"
subprocess.run([sys.executable, "-c", child], check=True)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_as_json_has_all_fields():
    assert json.loads(json.dumps(REPORT.as_json())).keys() == {field.name for field in dataclasses.fields(REPORT)}
