import subprocess
import sys

import pytest

import bpe
from bpe.lazy_exports import lazy_exports


def test_importing_the_package_loads_none_of_its_modules():
    program = (
        "import sys, bpe; print([name for name in sys.modules if name.startswith('bpe.')], 'regex' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "['bpe.lazy_exports'] False"


def test_an_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="module 'bpe' has no attribute 'Tokeniser'"):
        _ = bpe.Tokeniser


def test_every_form_of_import_is_read(tmp_path):
    (tmp_path / "__init__.pyi").write_text(
        "from json import dumps as dumps, loads as loads\nfrom os.path import (\n    join as join,\n)\n"
    )
    load, names, exported = lazy_exports("json", str(tmp_path / "__init__.py"))
    assert exported == names() == ["dumps", "join", "loads"]
    assert load("join")("a", "b")
