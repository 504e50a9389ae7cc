"""Linking the object code of a kernel with LLVM, without Numba."""

import ctypes
from collections.abc import Callable

Kernel = Callable[[int], int]
"""Takes the address of an array of arguments (`bpe.kernels.runtime.layout`); what it returns depends on the kernel."""

NEVER_CALLED = {
    *("NRT_Free", "NRT_MemInfo_call_dtor", "numba_do_raise", "numba_gil_ensure", "numba_gil_release"),
    *("numba_runtime_build_excinfo_struct", "numba_unpickle"),
}
"""Functions of Numba that object code refers to, for the memory and the exceptions that kernels never have."""

_kept_alive: list[object] = []


def link(symbol: str, code: bytes) -> Kernel:
    """Load object code into memory and return the function named `symbol`."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    unreachable = ctypes.cast(ctypes.pythonapi.Py_FatalError, ctypes.c_void_p).value
    for name in NEVER_CALLED:
        if llvm.address_of_symbol(name) is None:
            llvm.add_symbol(name, unreachable)
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return function_at(engine.get_function_address(symbol), engine)


def function_at(address: int, owner: object) -> Kernel:
    """Return the function at an address, and keep alive the object that owns its machine code."""
    _kept_alive.append(owner)
    function: Kernel = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(address)
    return function
