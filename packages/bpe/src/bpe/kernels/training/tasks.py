"""What the entry point `train` does: the tasks of counting pieces and of learning merges.

Reference: `bpe.reference.count_pieces` and `bpe.reference.learn_merges`.
"""

from typing import Any

from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.layout import TASK
from bpe.kernels.training.byte_pairs import count_byte_pairs, list_byte_pairs
from bpe.kernels.training.count import count_chunk
from bpe.kernels.training.layout import ADD_TABLE, COUNT, COUNT_BYTE_PAIRS, FILL_SLOTS, LIST_BYTE_PAIRS, WRITE_WORDS
from bpe.kernels.training.learn import learn
from bpe.kernels.training.piece_table import add_table, fill_slots, write_words


@kernel
def do_task(a: Any) -> int:
    """Do the task given by TASK."""
    task = a[TASK]
    if task == COUNT:
        return count_chunk(a)
    if task == ADD_TABLE:
        return add_table(a)
    if task == FILL_SLOTS:
        return fill_slots(a)
    if task == WRITE_WORDS:
        return write_words(a)
    if task == COUNT_BYTE_PAIRS:
        return count_byte_pairs(a)
    if task == LIST_BYTE_PAIRS:
        return list_byte_pairs(a)
    return learn(a)
