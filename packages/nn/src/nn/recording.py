"""A function of tensors, recorded once as a list of torch operations, then replayed.

With small tensors a model waits for Python: a decoding step spends more time between operations than in them. So its
operations are recorded once, for fixed shapes, and the list is simplified: what is the same at each replay is computed
only once, repeated computations are shared, and views of views are merged. No compiler is needed, and the operations
themselves do not change, so the results are the same bits.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.fx import Graph, GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_arg

_SMALL = (
    1 << 16
)  # elements; a larger constant is computed at each replay, so that nothing as large as a weight is stored twice
_RESHAPES = {torch.ops.aten.view.default, torch.ops.aten._unsafe_view.default, torch.ops.aten.unsqueeze.default}
_VIEWS = _RESHAPES | {
    torch.ops.aten.alias.default,
    torch.ops.aten.detach.default,
    torch.ops.aten.expand.default,
    torch.ops.aten.permute.default,
    torch.ops.aten.transpose.int,
}


def record(function: Callable[..., Tensor], *examples: Tensor) -> Callable[..., Tensor]:
    """Return a function that computes the same as `function`, for arguments with the shapes of `examples`.

    `function` is called once. It must not depend on the values of its arguments in Python. Tensors that it takes from
    elsewhere, such as a model's parameters or a cache, are referenced: each replay reads and writes them.
    """
    recorded: GraphModule = make_fx(function)(*examples)
    changing = _changing(recorded)
    _fold_constants(recorded, changing)
    _share_repetitions(recorded.graph, changing)
    _merge_views(recorded.graph)
    recorded.graph.eliminate_dead_code()
    recorded.recompile()
    return recorded


def _changing(recorded: GraphModule) -> set[Node]:
    """Return the nodes whose memory an operation writes to: the order of reading and writing them matters."""
    memory: dict[Node, object] = {}  # whose memory each node shows: its own, or that of the node that it is a view of
    written: set[object] = set()
    for node in recorded.graph.nodes:
        target, source = node.target, node.args[0] if node.args else None
        writes = isinstance(target, OpOverload) and target._schema.is_mutable
        shows_source = writes or target is operator.getitem or (isinstance(target, OpOverload) and target.is_view)
        if node.op == "get_attr":  # a tensor has one node for each time it is read
            memory[node] = getattr(recorded, str(target)).untyped_storage().data_ptr()
        else:
            memory[node] = memory[source] if shows_source and isinstance(source, Node) else node
        if writes:
            written.update(
                memory[value]
                for value, argument in zip(node.args, target._schema.arguments, strict=False)
                if isinstance(value, Node) and argument.alias_info is not None and argument.alias_info.is_write
            )
    return {node for node in memory if memory[node] in written}


def _is_pure(node: Node, changing: set[Node]) -> bool:
    """Return whether a node gives the same result for the same arguments at any point of the list."""
    if not isinstance(node.target, OpOverload) or node in changing:
        return False
    return torch.Tag.nondeterministic_seeded not in node.target.tags and not changing.intersection(node.all_input_nodes)


def _fold_constants(recorded: GraphModule, changing: set[Node]) -> None:
    """Compute what does not depend on the arguments: views of the weights, and small tensors such as ranges."""
    known: dict[Node, Tensor] = {}
    for node in recorded.graph.nodes:
        if node.op == "get_attr" and node not in changing:
            known[node] = getattr(recorded, str(node.target))
        elif _is_pure(node, changing) and all(argument in known for argument in node.all_input_nodes):
            result = node.target(*map_arg(node.args, known.__getitem__), **map_arg(node.kwargs, known.__getitem__))
            if isinstance(result, Tensor) and (node.target.is_view or result.numel() <= _SMALL):
                known[node] = result
    for node in list(recorded.graph.nodes):
        if node in known and node.op != "get_attr" and any(user not in known for user in node.users):
            name = f"constant_{node.name}"
            recorded.register_buffer(name, known[node])
            with recorded.graph.inserting_before(node):
                node.replace_all_uses_with(recorded.graph.get_attr(name))


def _share_repetitions(graph: Graph, changing: set[Node]) -> None:
    """Compute once what all layers compute alike, such as views of the mask."""
    first: dict[str, Node] = {}
    for node in graph.nodes:
        pure = _is_pure(node, changing)
        if pure or (node.op == "get_attr" and node not in changing):
            same = first.setdefault(f"{node.op} {node.target} {node.args} {node.kwargs}", node)
            if same is not node:
                node.replace_all_uses_with(same)


def _merge_views(graph: Graph) -> None:
    """Merge each chain of reshapes of contiguous tensors into one, and remove the views that change nothing."""
    for node in graph.nodes:
        if node.target not in _VIEWS:
            continue
        source = node.args[0]
        while node.target in _RESHAPES and source.target in _VIEWS and _is_reshape(source) and _is_reshape(node):
            source = source.args[0]
        if _layout(node) == _layout(source):
            node.replace_all_uses_with(source)
        elif source is not node.args[0]:
            node.target, node.args = torch.ops.aten.view.default, (source, list(node.meta["val"].shape))


def _is_reshape(view: Node) -> bool:
    """Return whether a view shows all elements of a contiguous tensor in their order."""
    before, after = view.args[0].meta["val"], view.meta["val"]  # type: ignore[union-attr]
    return before.is_contiguous() and after.is_contiguous() and before.numel() == after.numel()


def _layout(node: Any) -> tuple[object, ...]:
    value = node.meta["val"]
    return value.shape, value.stride(), value.storage_offset(), value.dtype
