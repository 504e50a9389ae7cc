"""Which parameter is updated how: the rule that sorts parameters into groups, and a table of the groups."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from optim.choices import Algorithm

_LABELS = {"muon": "Muon", "adamw": "AdamW"}
_EMBEDDINGS = frozenset({"embedding", "value_embeddings"})
_HEADS = frozenset({"lm_head"})
_GATES = frozenset({"value_gate"})


@dataclass(frozen=True)
class LearningRateFactors:
    """Learning rates as multiples of the schedule's: published recipes give each kind of parameter its own."""

    muon: float = 1.0
    """Of the matrices that Muon updates."""
    embedding: float = 1.0
    """Of the embedding, which is also the LM head if the two are tied, and of value embeddings."""
    head: float = 1.0
    """Of the LM head."""
    scalar: float = 1.0
    """Of vectors and scalars, such as gains of norms and weights of mixtures, and of gates."""

    def of(self, name: str, shape: Sequence[int], algorithm: Algorithm) -> float:
        """Return the factor of a parameter; that of a matrix between embedding and LM head is 1 without Muon."""
        if algorithm == "muon":
            return self.muon
        parts = name.split(".")
        if len(shape) < 2 or not _GATES.isdisjoint(parts):
            return self.scalar
        if not _EMBEDDINGS.isdisjoint(parts):
            return self.embedding
        return self.head if not _HEADS.isdisjoint(parts) else 1.0


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that are updated by the same algorithm, with the same weight decay and learning rate."""

    algorithm: Algorithm
    weight_decay: float
    parameters: tuple[tuple[str, Float[Tensor, "..."]], ...]
    """Names and tensors."""
    lr_factor: float = 1.0
    """Learning rate as a multiple of the schedule's."""

    def settings(self) -> dict[str, Any]:
        """Return the group as a dict, the form in which optimizers expect it.

        They ignore its ``lr_factor``, which is for the code that sets their learning rates.
        """
        return {
            "params": [tensor for _, tensor in self.parameters],
            "algorithm": self.algorithm,
            "weight_decay": self.weight_decay,
            "lr_factor": self.lr_factor,
        }


def rule(name: str, shape: Sequence[int], *, muon: bool, decay_vectors: bool = False) -> tuple[Algorithm, bool]:
    """Decide which algorithm updates a parameter, and whether it decays.

    - Matrices between embedding and LM head are updated by Muon, if it is used: they map one hidden vector to another,
      which is what orthogonal updates are made for. The embedding and the LM head have a row for each token, most of
      which have no gradient in a given step; AdamW updates these (Jordan et al. 2024,
      kellerjordan.github.io/posts/muon).
    - AdamW also updates the gates of value embeddings, small matrices with a row for each head, each of which gives a
      number of its own.
    - Vectors and scalars, such as the gains of norms and the weights of mixtures, are updated by AdamW without decay:
      their neutral value is often 1 instead of 0, and there is no reason to pull them towards 0.

    >>> rule("blocks.3.attention.q_proj.weight", (512, 512), muon=True)
    ('muon', True)
    >>> rule("embedding.weight", (10_000, 512), muon=True)
    ('adamw', True)
    >>> rule("final_norm.weight", (512,), muon=True)
    ('adamw', False)

    Args:
        name: The parameter's name in the model's ``state_dict``.
        shape: Its shape.
        muon: Whether the optimizer is Muon; if not, AdamW updates all parameters.
        decay_vectors: Whether vectors and scalars decay too.

    Returns:
        The algorithm, and whether weight decay applies.
    """
    outer = not (_EMBEDDINGS | _HEADS | _GATES).isdisjoint(name.split("."))
    algorithm: Algorithm = "muon" if muon and len(shape) == 2 and not outer else "adamw"
    return algorithm, decay_vectors or len(shape) >= 2


def parameter_groups(
    named_parameters: Iterable[tuple[str, Float[Tensor, "..."]]],
    weight_decay: float,
    *,
    muon: bool,
    decay_vectors: bool = False,
    lr_factors: LearningRateFactors | None = None,
) -> list[ParameterGroup]:
    """Sort a model's parameters by ``rule`` and learning rate into groups, in the model's order within each.

    Args:
        named_parameters: For example ``model.named_parameters()``, in which a tied weight appears once.
        weight_decay: λ of the parameters that decay; it is 0 for the others.
        muon: See ``rule``.
        decay_vectors: See ``rule``.
        lr_factors: Learning rates of the kinds of parameters; all alike if not given.

    Returns:
        The groups that are not empty: Muon's, then AdamW's with decay, then AdamW's without; these have a group for
        each learning rate, in the model's order.
    """
    factors = lr_factors or LearningRateFactors()
    sorted_parameters: dict[tuple[Algorithm, bool], dict[float, list[tuple[str, Tensor]]]] = {
        ("muon", True): {},
        ("adamw", True): {},
        ("adamw", False): {},
    }
    for name, parameter in named_parameters:
        algorithm, decays = rule(name, parameter.shape, muon=muon, decay_vectors=decay_vectors)
        factor = factors.of(name, parameter.shape, algorithm)
        sorted_parameters[algorithm, decays].setdefault(factor, []).append((name, parameter))
    return [
        ParameterGroup(algorithm, weight_decay if decays else 0.0, tuple(parameters), factor)
        for (algorithm, decays), by_factor in sorted_parameters.items()
        for factor, parameters in by_factor.items()
    ]


def describe_groups(groups: Sequence[ParameterGroup]) -> str:
    """Return a table of the groups; names that differ only in a number share a line.

    Rates are multiples of the schedule's.

    >>> from torch import zeros
    >>> tensors = {"embedding.weight": zeros(8, 2), "blocks.0.w": zeros(2, 2), "blocks.1.w": zeros(2, 2)}
    >>> print(describe_groups(parameter_groups(tensors.items(), 0.1, muon=True)))
    update  rate  decay  tensors  weights  parameters
    Muon       1    0.1        2        8  blocks.*.w (2)
    AdamW      1    0.1        1       16  embedding.weight
    """
    rows = [("update", "rate", "decay", "tensors", "weights", "parameters")]
    for group in groups:
        patterns = Counter(re.sub(r"\b\d+\b", "*", name) for name, _ in group.parameters)
        names = [pattern if count == 1 else f"{pattern} ({count})" for pattern, count in patterns.items()]
        weights = sum(tensor.numel() for _, tensor in group.parameters)
        settings = f"{group.lr_factor:g}", f"{group.weight_decay:g}"
        counts = str(len(group.parameters)), f"{weights:,}"
        rows.append((_LABELS[group.algorithm], *settings, *counts, names[0]))
        rows += [("", "", "", "", "", name) for name in names[1:]]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for update, *numbers, name in rows:
        cells = [update.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))]
        lines.append("  ".join([*cells, name]))
    return "\n".join(lines)
