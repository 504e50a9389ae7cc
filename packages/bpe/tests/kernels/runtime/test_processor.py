import platform
import sys

import pytest

pytest.importorskip("numba", reason="needs numba")
from bpe.kernels.runtime import processor as module
from bpe.kernels.runtime.processor import processor

INTEL = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: A processor
cpu MHz\t\t: {speed}
flags\t\t: fpu {flags}

processor\t: 1
flags\t\t: of another
"""
ARM = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\nCPU part\t: 0xd0c\n\n"


@pytest.fixture
def describe(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_CPUINFO", tmp_path / "cpuinfo")

    def describe(text):
        (tmp_path / "cpuinfo").write_text(text)
        return processor()

    return describe


def test_what_changes_from_call_to_call_is_not_in_it(describe):
    found = describe(INTEL.format(speed="2400.1", flags="avx2"))
    assert found == "vendor_id: GenuineIntel\nmodel name: A processor\nflags: fpu avx2"
    assert describe(INTEL.format(speed="3100.7", flags="avx2")) == found
    assert describe(INTEL.format(speed="2400.1", flags="avx2 avx512f")) != found
    assert describe(ARM) == "Features: fp asimd\nCPU part: 0xd0c"


@pytest.mark.parametrize("text", ["", "processor\t: 0\nhart\t: 0\nisa\t: rv64imafdc\n"])
def test_llvm_is_asked_where_the_system_does_not_say(describe, text):
    import llvmlite.binding as llvm

    assert describe(text) == f"{llvm.get_host_cpu_name()}\n{llvm.get_host_cpu_features().flatten()}"


def test_without_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_CPUINFO", tmp_path / "missing")
    assert "\n" in processor()


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="a file of Linux on x86")
def test_this_machine():
    assert "flags: " in processor()
