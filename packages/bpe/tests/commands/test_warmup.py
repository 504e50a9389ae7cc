"""`bpe warmup`."""

import sys
import types


def test_warmup_needs_the_extra(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpe.kernels", None)
    monkeypatch.setitem(sys.modules, "bpe.kernels.loading", None)
    code, output, errors = run("warmup")
    assert (code, output) == (2, "")
    assert "install the package with its extra, bpe[fast]" in errors
    assert errors.count("\n") == 1


def test_warmup_compiles(run, monkeypatch):
    compiled = []
    kernels = types.ModuleType("bpe.kernels")
    kernels.loading = types.SimpleNamespace(warmup=lambda: compiled.append("all"))
    monkeypatch.setitem(sys.modules, "bpe.kernels", kernels)
    monkeypatch.setitem(sys.modules, "bpe.kernels.loading", kernels.loading)
    code, output, errors = run("warmup")
    assert (code, compiled, errors) == (0, ["all"], "")
    assert output.startswith("compiled in 0.")
