import subprocess
import sys
from pathlib import Path

from configurations import covering_array, name_of


def test_every_configuration_compiles_whole_and_once():
    program = Path(__file__).with_name("compiling.py")
    done = subprocess.run([sys.executable, program, "aot_eager"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "all equal"
    assert [line.split(": ")[1] for line in lines[1:-1:2]] == [name_of(row) for row in covering_array()]
