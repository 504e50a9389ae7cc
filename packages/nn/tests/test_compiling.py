import pytest
from configurations import covering_array, name_of


@pytest.mark.program("compiling.py", "aot_eager")
def test_every_configuration_compiles_whole_and_once(program_lines):
    assert program_lines[-1] == "all equal"
    assert [line.split(": ")[1] for line in program_lines[1:-1:2]] == [name_of(row) for row in covering_array()]
