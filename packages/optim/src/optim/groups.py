"""Which parameter is updated how: the rule, and a table of what it did."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

Algorithm = Literal["muon", "adamw"]
_LABELS = {"muon": "Muon", "adamw": "AdamW"}
_OUTER_MATRICES = frozenset({"embedding", "lm_head"})


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that are updated alike."""

    algorithm: Algorithm
    weight_decay: float
    parameters: tuple[tuple[str, Tensor], ...]
    """Names and tensors."""

    def settings(self) -> dict[str, Any]:
        """Return the group as an optimizer takes it."""
        tensors = [tensor for _, tensor in self.parameters]
        return {"params": tensors, "algorithm": self.algorithm, "weight_decay": self.weight_decay}


def rule(name: str, shape: Sequence[int], *, muon: bool, decay_vectors: bool = False) -> tuple[Algorithm, bool]:
    """Decide who updates a parameter, and whether it decays.

    - Matrices between embedding and LM head go to Muon, if there is one: they map one hidden vector to another, and
      that is what orthogonal updates are for. The embedding and the LM head have a row for each token, most of which
      have no gradient in a step; these stay with AdamW (Jordan et al. 2024, kellerjordan.github.io/posts/muon).
    - Vectors and scalars, the gains of norms and the weights of mixtures, go to AdamW without decay: they have an
      origin of their own (often 1), and pulling them to 0 makes nothing smaller that is too large.

    >>> rule("blocks.3.attention.q_proj.weight", (512, 512), muon=True)
    ('muon', True)
    >>> rule("embedding.weight", (10_000, 512), muon=True)
    ('adamw', True)
    >>> rule("final_norm.weight", (512,), muon=True)
    ('adamw', False)

    Args:
        name: The parameter's name in the model's ``state_dict``.
        shape: Its shape.
        muon: Whether the optimizer is Muon; if not, AdamW updates all.
        decay_vectors: Whether vectors and scalars decay too.

    Returns:
        The algorithm, and whether weight decay applies.
    """
    outer = not _OUTER_MATRICES.isdisjoint(name.split("."))
    algorithm: Algorithm = "muon" if muon and len(shape) == 2 and not outer else "adamw"
    return algorithm, decay_vectors or len(shape) >= 2


def parameter_groups(
    named_parameters: Iterable[tuple[str, Tensor]], weight_decay: float, *, muon: bool, decay_vectors: bool = False
) -> list[ParameterGroup]:
    """Sort a model's parameters by ``rule`` into at most three groups, which keep the model's order.

    Args:
        named_parameters: Such as ``model.named_parameters()``, in which a tied weight appears once.
        weight_decay: λ of the parameters that decay; the others get 0.
        muon: See ``rule``.
        decay_vectors: See ``rule``.

    Returns:
        Groups that are not empty: Muon's, then AdamW's with decay, then AdamW's without.
    """
    sorted_parameters: dict[tuple[Algorithm, bool], list[tuple[str, Tensor]]] = {
        ("muon", True): [],
        ("adamw", True): [],
        ("adamw", False): [],
    }
    for name, parameter in named_parameters:
        sorted_parameters[rule(name, parameter.shape, muon=muon, decay_vectors=decay_vectors)].append((name, parameter))
    return [
        ParameterGroup(algorithm, weight_decay if decays else 0.0, tuple(parameters))
        for (algorithm, decays), parameters in sorted_parameters.items()
        if parameters
    ]


def describe_groups(groups: Sequence[ParameterGroup]) -> str:
    """Return a table of who updates what; names that differ in a number only share a line.

    >>> from torch import zeros
    >>> tensors = {"embedding.weight": zeros(8, 2), "blocks.0.w": zeros(2, 2), "blocks.1.w": zeros(2, 2)}
    >>> print(describe_groups(parameter_groups(tensors.items(), 0.1, muon=True)))
    update  decay  tensors  weights  parameters
    Muon      0.1        2        8  blocks.*.w (2)
    AdamW     0.1        1       16  embedding.weight
    """
    rows: list[tuple[str, str, str, str, str]] = [("update", "decay", "tensors", "weights", "parameters")]
    for group in groups:
        patterns = Counter(re.sub(r"\b\d+\b", "*", name) for name, _ in group.parameters)
        names = [pattern if count == 1 else f"{pattern} ({count})" for pattern, count in patterns.items()]
        weights = sum(tensor.numel() for _, tensor in group.parameters)
        counts = str(len(group.parameters)), f"{weights:,}"
        rows.append((_LABELS[group.algorithm], f"{group.weight_decay:g}", *counts, names[0]))
        rows += [("", "", "", "", name) for name in names[1:]]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for update, *numbers, name in rows:
        cells = [update.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))]
        lines.append("  ".join([*cells, name]))
    return "\n".join(lines)
