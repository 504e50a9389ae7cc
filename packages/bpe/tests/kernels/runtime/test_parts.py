"""Parts of kernels give the same results as functions that are compiled by default, and have no machine code."""

import pytest

pytest.importorskip("numba", reason="needs numba")
from numba import njit

from bpe.kernels.runtime.compiler import inlined, kernel
from bpe.kernels.runtime.parts import PartCompiler


@inlined
def square(x):
    return x * x


@kernel
def sum_of_squares(n):
    total = 0
    for k in range(n):
        total += square(k)
    return total


@njit
def twice(n):
    return 2 * sum_of_squares(n)


def test_a_function_that_is_linked_into_another():
    assert twice(10) == 2 * sum(k * k for k in range(10))
    (compiled,) = sum_of_squares.overloads.values()
    assert compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name) == 0
    (caller,) = twice.overloads.values()
    assert caller.library.get_pointer_to_function(caller.fndesc.llvm_func_name) != 0


def test_all_functions_of_kernels_are_parts():
    """One that is not would be optimized with everything that it calls, and again in each kernel."""
    from bpe.kernels.encoding.pieces import encode_pieces
    from bpe.kernels.scanning.automaton import follow

    for function in (encode_pieces, follow):
        assert function._compiler.pipeline_class is PartCompiler
