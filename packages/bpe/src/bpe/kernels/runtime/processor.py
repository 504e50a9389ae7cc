"""The processor that kernels are compiled for."""

from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_FIRST_BYTES = 8192  # enough for the first processor; all of them take long to read on a large machine
_STABLE = {"vendor_id", "cpu family", "model", "model name", "stepping", "flags"}
_STABLE |= {"CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features"}


def processor() -> str:
    """Return everything about the processor that decides which instructions a compiler uses.

    On Linux the system reports it; elsewhere LLVM does, which takes some hundredths of a second to load.
    """
    return _from_system() or _from_llvm()


def _from_system() -> str:
    """Return the description of the first processor in `/proc/cpuinfo`, or nothing if there is none."""
    try:
        with _CPUINFO.open("rb", buffering=0) as file:
            text = file.read(_FIRST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.partition(":") for line in text.partition("\n\n")[0].splitlines()]
    stable = {name.strip(): value.strip() for name, _, value in lines if name.strip() in _STABLE}
    has_features = "flags" in stable or "Features" in stable
    return "\n".join(f"{name}: {value}" for name, value in stable.items()) if has_features else ""


def _from_llvm() -> str:
    import llvmlite.binding as llvm

    return f"{llvm.get_host_cpu_name()}\n{llvm.get_host_cpu_features().flatten()}"
