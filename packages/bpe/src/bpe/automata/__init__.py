r"""Split patterns as automata, which find the pieces of a text in one pass, a character at a time.

A regular expression is tried by going back whenever an attempt fails. The expressions that tokenizers split with do not
need that: their meaning can be written down as a table from state and class of character to the next state.

    code_points  sets of code points, with the `regex` package as the authority on what is a letter
    syntax       from the expression to a tree
    program      from the tree to a list of instructions, which are followed in order of preference
    determinize  from instructions to an `Automaton`; `automaton(pattern)` does all of it
    total        automata of which every piece is a match
    composition  several split steps as one automaton
    cuts         where a text can be cut without changing its pieces

No numpy and no Numba here. The kernel that runs the automaton over bytes is `bpe.kernels.scanning.automaton`.
"""
