"""A kernel is compiled once and then loaded from its file, by threads and by other processes.

Only one test compiles: the others use the object code that the session has compiled already.
"""

import os
import subprocess
import sys
import threading

import pytest

from bpe import cli

pytest.importorskip("numba", reason="needs numba")
from bpe.kernels import loading
from bpe.kernels.runtime import cache_files

from .conftest import NAME


def test_a_kernel_is_compiled_once_and_then_found(cache, load_again):
    assert not loading.is_kept(NAME)
    loading.kernel(NAME)
    loading.kernel(NAME)
    assert cache.compiled == [NAME]
    assert loading.is_loaded(NAME)
    load_again()
    assert loading.is_kept(NAME)
    assert cache.compiled == [NAME]


def test_threads_that_need_a_kernel_at_the_same_time_compile_it_once(cache):
    found = []
    threads = [threading.Thread(target=lambda: found.append(loading.kernel(NAME))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.compiled == [NAME]
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def run(code, *arguments, **environment):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    names = {key: value for key, value in os.environ.items() if key not in ("BPE_CACHE_DIR", "XDG_CACHE_HOME")}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**names, **environment}
    )


def finish(process):
    output, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors
    return output.strip(), errors


ENCODES = """
import os, sys, time
from pathlib import Path
from bpe import Tokenizer
from bpe.kernels import loading
from bpe.kernels.runtime import object_files
CHANGES
tokenizer = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [], engine="compiled")
assert tokenizer.encode("to be or not") == list(b"to be or not")
print("numba" in sys.modules)
"""

TAKES_CODE_OF_THE_SESSION = """
def take(name):
    with open(sys.argv[2], "a") as file:
        file.write(name + "\\n")
    time.sleep(0.2)
    content = Path(sys.argv[1], f"{name}-{object_files._key()}.kernel").read_bytes()[len(object_files._MAGIC):]
    _, symbol, code = content.split(b"\\n", 2)
    object_files.write_object(name, symbol.decode(), code)
    return loading.link(symbol.decode(), code)
loading._compile = take
"""
"""Instead of compiling, which takes long."""


def test_processes_that_need_a_kernel_at_the_same_time(kept, tmp_path):
    loading.kernel("encode16")
    code = ENCODES.replace("CHANGES", TAKES_CODE_OF_THE_SESSION)
    environment = {"BPE_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    processes = [run(code, kept.parent, tmp_path / "compiled.txt", **environment) for _ in range(3)]
    for process in processes:
        finish(process)
    assert sorted((tmp_path / "compiled.txt").read_text().split()) == ["encode16", "tables"]  # by one of them
    names = sorted(path.name.split("-")[0] for path in (tmp_path / "cache").glob("*.kernel"))
    assert names == ["encode16", "tables"]
    output, errors = finish(run(ENCODES.replace("CHANGES", ""), **environment))
    assert (output, errors) == ("False", "")


def test_a_kernel_that_cannot_be_kept_works_with_a_message(tmp_path):
    """Without a home, and with a package folder that cannot be written, each process compiles again and says so."""
    code = """
from bpe.kernels import loading
from bpe.kernels.runtime import cache_files, object_files
cache_files.folders = lambda real=cache_files.folders: list(real())[:-1]
print(*cache_files.folders())
loading.kernel("tables")
assert object_files.find_file("tables") is None
"""
    (tmp_path / "file").touch()
    output, errors = finish(run(code, HOME=str(tmp_path / "file" / "nonexistent")))
    assert output == str(tmp_path / "file" / "nonexistent" / ".cache" / "bpe-kernels")
    assert "compiling the kernel 'tables'" in errors
    assert "not kept: no folder for it can be written (set BPE_CACHE_DIR to one)" in errors


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_a_user_who_may_not_list_the_folders(kept, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o700)
    code = (
        "import os\nimport bpe.engine, bpe.kernels.loading as loading, llvmlite.binding\n"
        "from bpe.kernels.runtime import object_files\n"
        "object_files._key = lambda: 'key'\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "assert not loading.is_kept('tables')\n"
        "assert object_files.read_object('tables') is None\n"
        "object_files.write_object('tables', 'symbol', b'code')\n"
        "print(bpe.engine.use_kernels('auto', 2_000_000, 'tables', ready=False))\n"
    )
    output, _ = finish(run(code, HOME=str(locked), BPE_CACHE_DIR=str(locked / "cache")))
    assert output == "False"
    assert list(locked.iterdir()) == []


def test_warmup_command(cache, monkeypatch, capsys):
    monkeypatch.setattr(loading, "KERNELS", (NAME,))
    assert cli.main(["warmup"]) in (0, None)
    assert "compiled in" in capsys.readouterr().out
    assert loading.warmup() == cache.folder
    assert cache.compiled == [NAME]


def test_warmup_compiles_several_kernels_in_processes(cache, monkeypatch, capsys):
    monkeypatch.setattr(loading, "KERNELS", (NAME, "another"))
    monkeypatch.setattr(loading, "available_cores", lambda: 2)
    calls = []

    def compile_in_processes(names, num_cores, is_kept, report):
        calls.append((names, num_cores))
        report(2)

    monkeypatch.setattr(loading, "compile_in_processes", compile_in_processes)
    assert loading.warmup() == cache.folder
    assert calls == [([NAME, "another"], 2)]
    assert cache.compiled == [NAME, "another"]  # what the processes did not do
    assert "bpe: compiling 2 kernels" in capsys.readouterr().err


def test_warmup_where_no_folder_can_be_written(cache, monkeypatch):
    monkeypatch.setattr(loading, "KERNELS", (NAME,))
    monkeypatch.setattr(cache_files, "folders", lambda: iter([]))
    assert loading.warmup() is None


def test_object_code_with_unknown_symbols_is_not_kept():
    """Another process could not link it."""
    from bpe.kernels.entry_points import object_code

    class Function:
        def __init__(self, name):
            self.name = name
            self.is_declaration = True

    class Library:
        def __init__(self, *names):
            self._final_module = type("Module", (), {"functions": [Function(name) for name in names]})
            self._get_compiled_object = lambda: b"code"

    def compiled(*names):
        return type("Compiled", (), {"_library": Library(*names)})

    assert object_code(compiled("memcpy", "PyErr_Clear", "llvm.ctpop.i64", "NRT_Free")) == b"code"
    assert object_code(compiled("memcpy", "numba_something")) is None
    assert object_code(compiled("NRT_Allocate")) is None
    assert object_code(object()) is None
