"""Where machine code is kept, whom it is trusted from, and what happens where it cannot be kept.

Nothing is compiled here: most tests hand out the object code that the session has compiled already.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bpe import cli

pytest.importorskip("numba", reason="needs numba")
from bpe.kernels import loading

NAME = "tables"


@pytest.fixture(scope="session")
def kept(kernels):
    """The file of a kernel, compiled if need be."""
    loading.kernel(NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_loaded", {})
        found = loading._from_file(NAME)
        assert found is not None
    return next(filter(loading._can_be_used, loading._candidates(NAME)))


@pytest.fixture
def elsewhere(kept, tmp_path, monkeypatch):
    """An empty cache folder, a package folder that keeps nothing, a compiler that only counts how often it is asked."""
    folder = tmp_path / "cache"
    content = kept.read_bytes()
    symbol = content[len(loading._MAGIC) :].split(b"\n")[1].decode()
    code = content[len(loading._MAGIC) :].split(b"\n", 2)[2]
    compiled = []

    def compile_it(name):
        compiled.append(name)
        time.sleep(0.05)  # so that threads that may meet do
        loading._keep(name, symbol, code)
        return loading._link(symbol, code)

    monkeypatch.setattr(loading, "_compile", compile_it)
    monkeypatch.setattr(loading, "_loaded", {})
    monkeypatch.setattr(loading, "_folders", lambda: iter([folder]))
    monkeypatch.setattr(loading, "compiled", compiled, raising=False)
    return folder


def fresh(monkeypatch):
    """As in a new process."""
    monkeypatch.setattr(loading, "_loaded", {})
    return loading.kernel(NAME)


def the_file(folder):
    (path,) = folder.iterdir()
    return path


def test_a_kernel_is_compiled_once_and_then_found(elsewhere, monkeypatch):
    assert not loading.is_kept(NAME)
    loading.kernel(NAME)
    loading.kernel(NAME)
    assert loading.compiled == [NAME]
    assert loading.is_loaded(NAME)
    fresh(monkeypatch)
    assert loading.is_kept(NAME)
    assert loading.compiled == [NAME]
    assert (the_file(elsewhere).stat().st_mode & 0o022, elsewhere.stat().st_mode & 0o077) == (0, 0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:100],
        lambda content: content[:-1],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content.replace(b"bpe kernel 1", b"bpe kernel 2"),
        lambda content: content[:20] + bytes([content[20] ^ 1]) + content[21:],
        lambda content: content + b"\0",
        lambda content: loading._MAGIC,
        lambda content: b"\n" * 200,
    ],
)
def test_a_damaged_file_is_compiled_anew_and_replaced(elsewhere, monkeypatch, damage):
    loading.kernel(NAME)
    path = the_file(elsewhere)
    right = path.read_bytes()
    path.write_bytes(damage(right))
    fresh(monkeypatch)
    assert loading.compiled == [NAME, NAME]
    assert path.read_bytes() == right
    fresh(monkeypatch)
    assert loading.compiled == [NAME, NAME]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666, 0o622])
def test_a_file_that_others_may_write_is_not_used(elsewhere, monkeypatch, mode):
    loading.kernel(NAME)
    the_file(elsewhere).chmod(mode)
    fresh(monkeypatch)
    assert loading.compiled == [NAME, NAME]
    fresh(monkeypatch)
    assert loading.compiled == [NAME, NAME]  # for it was replaced


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
def test_the_file_of_another_user_is_not_used(elsewhere, monkeypatch):
    loading.kernel(NAME)
    owner = the_file(elsewhere).stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    fresh(monkeypatch)
    assert loading.compiled == ([NAME] if owner == 0 else [NAME, NAME])


def test_the_key_follows_sources_and_versions(monkeypatch, tmp_path):
    keys = [loading._key.__wrapped__()]
    assert loading._key.__wrapped__() == keys[0]
    package = tmp_path / "kernels"
    shutil.copytree(loading._PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    with monkeypatch.context() as patch:
        patch.setattr(loading, "_PACKAGE", package)
        assert loading._key.__wrapped__() == keys[0]
        with open(package / "merge.py", "a") as file:
            file.write("# changed\n")
        keys.append(loading._key.__wrapped__())
        (package / "merge.py").rename(package / "merged.py")
        keys.append(loading._key.__wrapped__())
    for name in ("numba", "llvmlite", "numpy"):
        with monkeypatch.context() as patch:
            patch.setattr(loading, "version", lambda package, name=name: "99" if package == name else "1")
            keys.append(loading._key.__wrapped__())
    with monkeypatch.context() as patch:
        patch.setattr("platform.python_version", lambda: "3.99")
        keys.append(loading._key.__wrapped__())
    assert len(set(keys)) == len(keys)


def test_the_folders(monkeypatch, tmp_path):
    for name in ("BPE_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    package = loading._PACKAGE / "__pycache__"
    monkeypatch.setattr(sys, "platform", "linux")
    assert list(loading._folders()) == [tmp_path / ".cache" / "bpe-kernels", package]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert next(loading._folders()) == tmp_path / "xdg" / "bpe-kernels"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the specification
    assert next(loading._folders()) == tmp_path / ".cache" / "bpe-kernels"
    monkeypatch.setenv("BPE_CACHE_DIR", str(tmp_path / "named"))
    assert next(loading._folders()) == tmp_path / "named"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert list(loading._folders())[1] == tmp_path / "Library" / "Caches" / "bpe-kernels"


def test_the_next_folder_serves_where_the_first_is_a_file(elsewhere, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(loading, "_folders", lambda: iter([tmp_path / "file", tmp_path / "file" / "below", elsewhere]))
    loading.kernel(NAME)
    fresh(monkeypatch)
    assert loading.compiled == [NAME]
    assert the_file(elsewhere).is_file()


def test_a_full_disk_leaves_nothing_and_works(elsewhere, monkeypatch):
    def fails(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    loading.kernel(NAME)
    assert list(elsewhere.iterdir()) == []
    fresh(monkeypatch)
    assert loading.compiled == [NAME, NAME]


def test_threads_that_come_first_together_compile_once(elsewhere):
    found = []
    threads = [threading.Thread(target=lambda: found.append(loading.kernel(NAME))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loading.compiled == [NAME]
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


ENCODES = """
import os, sys
from pathlib import Path
from bpe import Tokenizer
from bpe.kernels import loading
CHANGES
tokenizer = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [], engine="compiled")
assert tokenizer.encode("to be or not") == list(b"to be or not")
print("numba" in sys.modules)
"""


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


TAKEN = """
def taken(name):
    content = Path(sys.argv[1], f"{name}-{loading._key()}.kernel").read_bytes()[len(loading._MAGIC):]
    _, symbol, code = content.split(b"\\n", 2)
    loading._keep(name, symbol.decode(), code)
    return loading._link(symbol.decode(), code)
loading._compile = taken
"""
"""Takes what the session has compiled, without the time that compiling takes."""


def test_two_processes_that_come_first_together(kept, tmp_path):
    loading.kernel("encode16")
    code = ENCODES.replace("CHANGES", TAKEN)
    environment = {"BPE_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    processes = [run(code, kept.parent, **environment) for _ in range(3)]
    for process in processes:
        finish(process)
    names = sorted(path.name.split("-")[0] for path in (tmp_path / "cache").iterdir())
    assert names == ["encode16", "tables"]
    output, errors = finish(run(ENCODES.replace("CHANGES", ""), **environment))
    assert (output, errors) == ("False", "")


NOWHERE = "loading._folders = lambda real=loading._folders: list(real())[:-1]\n"


def test_nothing_can_be_kept_and_that_is_said(tmp_path):
    """No home, a package folder that cannot be written: all works, and says that the next process compiles again."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom bpe.kernels import loading\n"
        + NOWHERE
        + "print(*loading._folders())\nloading.kernel('tables')\nassert not loading.is_kept_on_disk('tables')\n"
    )
    (tmp_path / "file").touch()
    output, errors = finish(run(code, HOME=str(tmp_path / "file" / "nonexistent")))
    assert output == str(tmp_path / "file" / "nonexistent" / ".cache" / "bpe-kernels")
    assert "compiling the kernel 'tables'" in errors
    assert "not kept: no folder for it can be written" in errors


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become someone else")
def test_a_user_who_may_not_even_look_into_the_folders(kept, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o700)
    code = (
        "import os\nimport bpe.kernels.loading as loading, bpe.engine, llvmlite.binding\n"
        "loading._key = lambda: 'key'\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "assert not loading.is_kept('tables')\n"
        "assert loading._from_file('tables') is None\n"
        "loading._keep('tables', 'symbol', b'code')\n"
        "print(bpe.engine.use_kernels('auto', 2_000_000, 'tables', ready=False))\n"
    )
    output, _ = finish(run(code, HOME=str(locked), BPE_CACHE_DIR=str(locked / "cache")))
    assert output == "False"
    assert list(locked.iterdir()) == []


def test_warmup_command(elsewhere, monkeypatch, capsys):
    monkeypatch.setattr(loading, "KERNELS", (NAME,))
    assert cli.main(["warmup"]) in (0, None)
    assert "compiled in" in capsys.readouterr().out
    assert loading.warmup() == elsewhere
    assert loading.compiled == [NAME]


def test_warmup_tells_where_nothing_is_kept(elsewhere, monkeypatch, tmp_path):
    monkeypatch.setattr(loading, "KERNELS", (NAME,))
    monkeypatch.setattr(loading, "_folders", lambda: iter([]))
    assert loading.warmup() is None


def test_object_code_that_needs_more_than_other_processes_have_is_not_kept(monkeypatch):
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
