"""What the entry point `train` does: the tasks of counting pieces and of learning merges.

Textbook twin: `bpe.reference.count_pieces` and `bpe.reference.learn_merges`.
"""

from typing import Any

from bpe.kernels import layout, training_layout as tl
from bpe.kernels.byte_pairs import count_byte_pairs, list_byte_pairs
from bpe.kernels.compiler import kernel
from bpe.kernels.count import count_chunk
from bpe.kernels.learn import learn
from bpe.kernels.piece_table import add_table, fill_slots, write_words


@kernel
def do_task(a: Any) -> int:
    """Do the task that TASK names."""
    task = a[layout.TASK]
    if task == tl.COUNT:
        return count_chunk(a)
    if task == tl.ADD_TABLE:
        return add_table(a)
    if task == tl.FILL_SLOTS:
        return fill_slots(a)
    if task == tl.WRITE_WORDS:
        return write_words(a)
    if task == tl.COUNT_BYTE_PAIRS:
        return count_byte_pairs(a)
    if task == tl.LIST_BYTE_PAIRS:
        return list_byte_pairs(a)
    return learn(a)
