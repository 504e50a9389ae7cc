import subprocess
import sys

import pytest
import torch

from trainer.runtime.memory import peak_memory_bytes

CPU = torch.device("cpu")
MIB = 1 << 20

PROGRAM = f"""
import torch
from trainer.runtime.memory import peak_memory_bytes
cpu = torch.device("cpu")
print(peak_memory_bytes(cpu))
held = bytearray(b"x") * (400 * {MIB})
del held
print(peak_memory_bytes(cpu))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it is not known there")
def test_the_peak_of_a_process_is_what_it_has_touched():
    output = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    before, after = map(int, output.split())
    assert before > 20 * MIB
    assert 350 * MIB < after - before < 450 * MIB  # though it has been given back


def test_on_cuda_it_is_what_tensors_held(monkeypatch):
    asked = []

    def max_memory_allocated(device):
        asked.append(device)
        return 123

    monkeypatch.setattr(torch.cuda, "max_memory_allocated", max_memory_allocated)
    device = torch.device("cuda", 1)
    assert peak_memory_bytes(device) == 123
    assert asked == [device]


def test_where_the_system_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr("trainer.runtime.memory._STATUS", tmp_path / "none")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory_bytes(CPU) is None
