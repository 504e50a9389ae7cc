"""The compiled engine: what `bpe.reference` and `bpe.patterns` do, for large inputs.

Kernels are functions over arrays and integers that Numba compiles to machine code:

    loading       returns a kernel to call: from memory, from a file, or compiled now
    entry_points  the four functions that Python calls
    runtime/      how kernels are compiled, linked and kept in files; raw memory access
    scanning/     where a text is split into pieces (pre-tokens), and where its special tokens are
    encoding/     from pieces to token ids, through a cache
    training/     counting pieces and learning merges

The folders depend on each other in this order only: `scanning` uses `runtime`; `encoding` and `training` use both and
not each other. Each of them has a module `layout`, which names the arguments of its kernels and imports no Numba, so
that `bpe.compiled` can use it.

Every kernel names the plain Python that it must agree with ("Reference:"). The tests compare the two.
"""
