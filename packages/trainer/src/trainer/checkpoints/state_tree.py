"""State trees: a `state_dict` separated into JSON and tensors, and rebuilt from them.

>>> import torch
>>> tree, tensors = flatten({"state": {0: {"step": 3, "m": torch.zeros(2)}}, "betas": (0.9, 0.99)})
>>> tree
{'state': {'$dict': [[0, {'step': 3, 'm': {'$tensor': 'state.0.m'}}]]}, 'betas': {'$tuple': [0.9, 0.99]}}
>>> list(tensors)
['state.0.m']
"""

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor

from trainer.checkpoints.errors import StateError


def flatten(state: Any) -> tuple[Any, dict[str, Tensor]]:
    """Return a tree as JSON, with names instead of tensors, and the tensors by name.

    A tensor is named after its place in the tree. Tensors that share the same memory, such as tied weights, are
    returned once, under the first name. They are not copied.

    Raises:
        StateError: the tree contains something that is neither a tensor nor representable as JSON, or a tensor that
            is sparse, quantized, sharded or on the meta device.
    """
    tensors: dict[str, Tensor] = {}
    tree = _flatten(state, "", tensors, {})
    return tree, tensors


def unflatten(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """Rebuild a tree from what `flatten` returned.

    Raises:
        StateError: a tensor is missing, or the JSON is not in the form that `flatten` returns.
    """
    match tree:
        case {"$tensor": name}:
            if not isinstance(name, str) or name not in tensors:
                raise StateError(f"the tensor {name!r} is missing")
            return tensors[name]
        case {"$tuple": list(items)}:
            return tuple(unflatten(item, tensors) for item in items)
        case {"$dict": list(pairs)}:
            try:
                return {key: unflatten(value, tensors) for key, value in pairs}
            except (TypeError, ValueError) as error:
                if isinstance(error, StateError):
                    raise
                raise StateError("a dictionary is not a list of keys and values") from None
        case dict():
            return {key: unflatten(value, tensors) for key, value in tree.items()}
        case list():
            return [unflatten(item, tensors) for item in tree]
    return tree


def tensor_names(tree: Any) -> set[str]:
    """Return the names of all tensors in the JSON that `flatten` returned."""
    match tree:
        case {"$tensor": str(name)}:
            return {name}
        case dict():
            return set().union(*map(tensor_names, tree.values()))
        case list():
            return set().union(*map(tensor_names, tree))
    return set()


def _flatten(value: Any, name: str, tensors: dict[str, Tensor], names: dict[Hashable, str]) -> Any:
    def inside(key: object, item: Any) -> Any:
        return _flatten(item, f"{name}.{key}" if name else str(key), tensors, names)

    match value:
        case Tensor():
            return {"$tensor": _store(value.detach(), name, tensors, names)}
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [inside(index, item) for index, item in enumerate(value)]
        case tuple():
            return {"$tuple": [inside(index, item) for index, item in enumerate(value)]}
        case dict() if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: inside(key, item) for key, item in value.items()}
        case dict() if all(isinstance(key, str | int) for key in value):
            return {"$dict": [[key, inside(key, item)] for key, item in value.items()]}
    raise StateError(f"{name or 'the state'} is of type {type(value).__name__}, which a checkpoint cannot store")


def _store(tensor: Tensor, name: str, tensors: dict[str, Tensor], names: dict[Hashable, str]) -> str:
    """Add a tensor to `tensors`, unless it is already in it, and return its name."""
    if hasattr(tensor, "full_tensor"):
        raise StateError(f"{name} is a sharded tensor: apply trainer.runtime.full_state_dict first")
    if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_quantized:
        raise StateError(f"{name} is a sparse, quantized or meta tensor, which a checkpoint cannot store")
    memory = (tensor.device, tensor.untyped_storage().data_ptr(), tensor.storage_offset())
    identity = (*memory, tensor.dtype, tensor.shape, tensor.stride(), tensor.is_conj(), tensor.is_neg())
    if tensor.numel() and identity in names:
        return names[identity]
    while name in tensors:  # keys that contain dots can give two places the same name
        name += "'"
    names[identity] = name
    tensors[name] = tensor
    return name
