"""Steps that a tensor on the accelerator can call off, so that the processor need not wait to learn its value."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


def keep_where(only_if: Tensor, updated: Iterable[Tensor], tensors: Iterable[Tensor]) -> None:
    """Give each tensor its updated values where ``only_if`` is true, and leave it bit for bit as it is elsewhere.

    A choice and no arithmetic: NaN · 0 would be NaN, and −0.0 + 0 would lose its sign.

    Args:
        only_if: A 0-d boolean tensor on the tensors' device.
        updated: What the update would make of each of them.
        tensors: Changed in place.
    """
    for new, tensor in zip(updated, tensors, strict=True):
        torch.where(only_if, new, tensor, out=tensor)


class GatedOptimizer(Optimizer):
    """What the optimizers here share: steps that may be left out, and the counts of those that were.

    ``step(only_if=flag)`` updates where the flag is true, which only the device knows; the counts of steps are Python
    ints and advance in either case. Once the processor has learned that the flag was false, ``retract_step`` takes
    the counts back.
    """

    _countable: list[Tensor] | None = None  # what the last step counted, if it may yet turn out to be left out

    def retract_step(self) -> None:
        """Take back the count of the last step, of which the caller has learned that it was left out.

        ``step(only_if=flag)`` with a false flag leaves parameters and moments as they were, but lets the Python int
        ``step`` advance in the state of each parameter that had a gradient. This lowers it again, and touches no
        tensor: afterwards all is as if that step had not been called. Parameters that had no state before it keep
        one of zeros, which continues as a new one would.

        Raises:
            ValueError: There is no such step: none was taken since the optimizer was made or loaded, it had no
                ``only_if``, or it has been taken back already.
        """
        if self._countable is None:
            raise ValueError(
                "there is no step to take back: retract_step() goes with the latest call of step(only_if=…), once, "
                "and before another step() or load_state_dict()"
            )
        for parameter in self._countable:
            self.state[parameter]["step"] -= 1
        self._countable = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # load_state_dict, too, comes this way
        self._countable = None

    def _check_only_if(self, only_if: Tensor | None) -> None:
        """Raise ValueError unless a step can depend on it; changes nothing."""
        if only_if is None:
            return
        if not isinstance(only_if, Tensor) or only_if.dtype != torch.bool or only_if.ndim != 0:
            given = f"{only_if.dtype} of shape {tuple(only_if.shape)}" if isinstance(only_if, Tensor) else repr(only_if)
            raise ValueError(
                f"only_if is {given}, but it must be a boolean tensor without dimensions: try torch.isfinite(norm)"
            )
        for parameter in self._with_gradient():
            if parameter.device != only_if.device:
                raise ValueError(
                    f"only_if is on {only_if.device}, but a parameter is on {parameter.device}: compute it there, "
                    "as fetching it would make the processor wait"
                )

    def _note_step(self, only_if: Tensor | None) -> None:
        """Remember whose counts the step has advanced, in case that it is taken back."""
        if only_if is not None:
            self._countable = [parameter for parameter in self._with_gradient() if "step" in self.state[parameter]]

    def _with_gradient(self) -> list[Tensor]:
        return [param for group in self.param_groups for param in group["params"] if param.grad is not None]
