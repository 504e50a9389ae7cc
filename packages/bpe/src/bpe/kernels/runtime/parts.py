"""How Numba compiles a function that is only a part of kernels: types are inferred, LLVM code is generated, no more.

By default Numba makes each function executable by itself: it optimizes the function with everything that it calls,
generates machine code, and then does both again for each function that calls it. A kernel consists of some sixty
functions, so this took most of the time of compiling one. Here only the kernel is optimized, once, with all its parts
in it, and only its machine code is generated.

`PartCompiler` is one of Numba's custom pipelines, which are documented. The methods of `_PartLibrary` override some
that are not: if another version of Numba has others, functions are made executable as by default, which takes longer.
"""

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.typed_passes import IRLegalization


class _WithoutEnvironments:
    """A code generator in which no function has an environment, which is what Python's calls need."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing: by default the address of the environment is written into the machine code."""


class _PartLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The LLVM code of one function and of those that it calls, for other functions to link."""

    @property
    def codegen(self) -> Any:
        """The code generator."""
        return _WithoutEnvironments(self._codegen)

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        """Do nothing: the code is optimized as a part of the kernel."""

    def _finalize_final_module(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:  # noqa: ARG002  # an interface of Numba
        """Return 0, since there is no machine code."""
        return 0


@register_pass(mutates_CFG=False, analysis_only=True)
class _UsePartLibrary(LoweringPass):  # type: ignore[misc]
    """Chooses the library into which the next pass writes LLVM code."""

    _name = "use_part_library"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Choose it; return that the function was not changed."""
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


class PartCompiler(CompilerBase):  # type: ignore[misc]
    """The compiler of functions that only kernels call, which Python cannot call."""

    def define_pipelines(self) -> list[Any]:
        """Return Numba's list of passes, with one more before the one that generates LLVM code."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_UsePartLibrary, IRLegalization)
        passes.finalize()
        return [passes]
