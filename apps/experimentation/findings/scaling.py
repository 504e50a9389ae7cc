"""Scaling over the size of the model at equal compute: the best size for each budget, and a fitted law."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from experimentation.findings.finding import Dots, Finding, Measurements, Plot, Table, Verdict, not_run
from experimentation.findings.losses import losses_of
from experimentation.findings.power_law import PARAMETERS, ScalingLaw, fit

_SAME_BUDGET = 1.3
"""Runs whose compute differs by less than this factor have the same budget."""
_PUBLISHED = "Hoffmann et al. (2022) found α = 0.34, β = 0.28 and an exponent of 0.46"


@dataclass(frozen=True)
class Trained:
    """A run as the law sees it."""

    size: float
    """Number of parameters."""
    tokens: float
    compute: float
    """FLOPs of the training."""
    loss: float
    """Final validation loss in nats per token."""


def scaling(measurements: Measurements) -> Finding:
    """Find the best size for each compute, and fit a law.

    Reported by Hoffmann et al. (2022): the loss follows a law of size and tokens, and the best size grows with the
    compute.
    """
    runs = _trained(measurements)
    budgets = _budgets(runs)
    if not budgets or max(map(len, budgets)) < 2:
        return not_run("it needs at least two sizes at equal compute")
    best = [min(budget, key=lambda run: run.loss) for budget in budgets]
    law = fit([run.size for run in runs], [run.tokens for run in runs], [run.loss for run in runs])
    verdict = _verdict(best, law)
    found = [f"{run.size:,.0f} for {run.compute:.2g} FLOPs (loss {run.loss:.3f})" for run in best]
    sentence = f"Number of parameters of the best size: {'; '.join(found)}. {_law(law, len(runs))}"
    return Finding(sentence, verdict, _table(budgets, best, law), _plot(budgets))


def _trained(measurements: Measurements) -> list[Trained]:
    """Return the runs that did not diverge and whose size, tokens and compute are known."""
    runs = []
    for member in losses_of(measurements.results):
        size, tokens = member.value("parameters"), member.value("tokens")
        if member.losses and not member.diverged and size and tokens:
            runs.append(Trained(size, tokens, member.value("flops") or 6 * size * tokens, member.mean))
    return runs


def _budgets(runs: Sequence[Trained]) -> list[list[Trained]]:
    """Return the runs of equal compute together, by rising compute, each group by rising size."""
    groups: list[list[Trained]] = []
    for run in sorted(runs, key=lambda run: run.compute):
        if groups and run.compute < _SAME_BUDGET * groups[-1][0].compute:
            groups[-1].append(run)
        else:
            groups.append([run])
    return [sorted(group, key=lambda run: run.size) for group in groups]


def _verdict(best: Sequence[Trained], law: ScalingLaw | None) -> Verdict:
    pairs = list(pairwise(best))
    falls = bool(pairs) and all(after.loss < before.loss for before, after in pairs)
    grows = best[-1].size > best[0].size and all(after.size >= before.size for before, after in pairs)
    if falls and grows and law is not None and not law.doubts:
        return "reproduced"
    return "partly reproduced" if falls else "not reproduced"


def _law(law: ScalingLaw | None, count: int) -> str:
    """Return the fitted law as a sentence."""
    if law is None:
        return f"{count} runs are too few for a law with {PARAMETERS} numbers: none is fitted."
    formula = (
        f"L = {law.floor:.3g} + {law.size_factor:.3g}·N^−{law.size_exponent:.2f} "
        f"+ {law.data_factor:.3g}·D^−{law.data_exponent:.2f}"
    )
    residual = (
        f"root mean square of the residuals {law.residual:.3f} nats, {law.explained:.1%} of the variance explained"
    )
    if law.doubts:
        return f"The fit {formula} ({residual}) is meaningless: {'; '.join(law.doubts)}."
    return (
        f"Fitted by least squares to {count} runs: {formula} ({residual}). By this law the best size grows as "
        f"compute to the power {law.optimal_exponent:.2f}; {_PUBLISHED}."
    )


def _table(budgets: Sequence[Sequence[Trained]], best: Sequence[Trained], law: ScalingLaw | None) -> Table:
    rows = []
    for budget in budgets:
        for run in budget:
            given = "" if law is None or law.doubts else f"{law.loss(run.size, run.tokens):.3f}"
            mark = "best" if run in best else ""
            rows.append(
                (f"{run.compute:.3g}", f"{run.size:,.0f}", f"{run.tokens:,.0f}", f"{run.loss:.3f}", given, mark)
            )
    head = ("FLOPs", "parameters", "tokens", "validation loss", "by the law", "")
    return Table(head, tuple(rows), "Sizes at equal compute")


def _plot(budgets: Sequence[Sequence[Trained]]) -> Plot:
    dots = tuple(
        Dots(f"{budget[0].compute:.2g} FLOPs", tuple((run.size, run.loss) for run in budget)) for budget in budgets
    )
    return Plot("parameters", "validation loss (nats per token)", dots, scale="log")
