"""The toy problem: the mean of w², w = 5·randn(10, 10), minimized by SGD whose step decays as lr/√(t + 1).

The gradient is w/50, so a step multiplies w by 1 − lr/(50·√(t + 1)), and the loss by the square of that. Larger rates
therefore shrink the loss faster, until the factor is far below −1 in most steps: then each step overshoots by more than
the last one.

`values`: `last_loss_RATE` for each rate, such as `last_loss_10`.

`rows`: one for each rate: `learning_rate`; `first_loss` and `last_loss`, before the first and before the last step;
`exact_last_loss`, from the formula above in exact arithmetic; `diverged`, whether the last loss is above the first or
not finite.

`curves`: `rate RATE`, the loss before each step.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experimentation.kind_settings import read_settings
from experimentation.workspace import Outcome, Workspace

_SIZE = 10
_SPREAD = 5.0


@dataclass(frozen=True)
class Settings:
    """The rates to compare, from the same start."""

    learning_rates: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)
    steps: int = 10

    def __post_init__(self) -> None:
        """Check that there is something to do."""
        if not self.learning_rates:
            raise ValueError("learning_rates is empty: give at least one rate")
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}: give at least 1")


@dataclass(frozen=True)
class Descent:
    """The losses of one rate, before each step, and the seconds from the start to each."""

    learning_rate: float
    losses: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def diverged(self) -> bool:
        """Whether the loss has grown."""
        return not self.losses[-1] <= self.losses[0]  # NaN compares as false

    @property
    def exact_last_loss(self) -> float:
        """The loss before the last step, if nothing was rounded."""
        factors = [1 - self.learning_rate / (_SIZE**2 / 2 * math.sqrt(t + 1)) for t in range(len(self.losses) - 1)]
        return self.losses[0] * math.prod(factors) ** 2


def run(settings: Mapping[str, Any], seed: int, workspace: Workspace) -> Outcome:
    """Minimize the toy problem with each rate.

    Raises:
        ValueError: a setting is unknown, or a rate is negative or not finite.
    """
    del workspace  # no data, and a tensor this small stays on the CPU
    given = read_settings(Settings, settings)
    descents = [descend(rate, given.steps, seed) for rate in given.learning_rates]
    return Outcome(
        values={f"last_loss_{descent.learning_rate:g}": descent.losses[-1] for descent in descents},
        rows=tuple(
            {
                "learning_rate": descent.learning_rate,
                "first_loss": descent.losses[0],
                "last_loss": descent.losses[-1],
                "exact_last_loss": descent.exact_last_loss,
                "diverged": descent.diverged,
            }
            for descent in descents
        ),
        curves={
            f"rate {descent.learning_rate:g}": {
                "step": list(range(len(descent.losses))),
                "seconds": list(descent.seconds),
                "value": list(descent.losses),
            }
            for descent in descents
        },
    )


def descend(learning_rate: float, steps: int, seed: int) -> Descent:
    """Minimize from the start that the seed gives.

    Raises:
        ValueError: the rate is negative or not finite.
    """
    import torch
    from torch.nn import Parameter

    from optim import SGD

    generator = torch.Generator().manual_seed(seed)
    w = Parameter(_SPREAD * torch.randn((_SIZE, _SIZE), generator=generator))
    optimizer = SGD([w], lr=learning_rate)
    losses, seconds, started = [], [], time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (w**2).mean()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - started)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return Descent(learning_rate, tuple(losses), tuple(seconds))
