"""How much memory tensors take, at any moment and at most, whatever the allocator does with it."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Adds up the memory of all tensors that operations return inside the context, until it is let go."""

    def __init__(self):
        super().__init__()
        self.now = self.most = 0
        self._known = weakref.WeakValueDictionary()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.watch(tensor)
        return result

    def watch(self, tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in self._known:
            self._known[storage._cdata] = storage
            size = storage.nbytes()
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._let_go, size)

    def _let_go(self, size):
        self.now -= size
