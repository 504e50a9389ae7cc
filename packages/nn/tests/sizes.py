"""What a computation does, operation by operation."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

PRODUCTS = {"mm", "addmm", "addmm_", "bmm", "matmul", "einsum"}


class Sizes(TorchDispatchMode):
    """Records the operations, the sizes of the tensors they return, and the dtypes of the factors of products."""

    def __init__(self):
        super().__init__()
        self.largest = 0
        self.multiplied = set()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **kwargs or {})
        for x in tree_leaves(result):
            if isinstance(x, torch.Tensor):
                self.largest = max(self.largest, x.numel())
        name = function.overloadpacket.__name__
        self.operations.append(name)
        if name in PRODUCTS:
            self.multiplied |= {x.dtype for x in tree_leaves(args) if isinstance(x, torch.Tensor)}
        return result
