"""The base class of the optimizers: everything in ``step`` that does not depend on the algorithm."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, overload

import torch
from torch.optim import Optimizer


class BaseOptimizer(Optimizer):
    """An optimizer that is defined by how it updates one group of parameters."""

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient, in place.

        Gradients are not checked for NaN or infinity, as that would make the host wait for the accelerator at every
        step. One such gradient makes the parameter and its state NaN for good: check the norm that
        ``clip_grad_norm`` returns, and do not call ``step`` if it is not finite.

        Args:
            closure: Optional; clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns:
            What the closure returned, or None without one.

        Raises:
            ValueError: A gradient is sparse or complex; no parameter has been changed.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():  # the closure calls backward(), but this method runs without gradients
                loss = closure()

        self._require_dense_real_gradients()
        for group in self.param_groups:
            self.update_group(group)
        return loss

    @abstractmethod
    def update_group(self, group: dict[str, Any]) -> None:
        """Update the parameters of one group that have a gradient, in place, without recording gradients.

        Args:
            group: One of ``param_groups``: its parameters and settings.
        """

    def _require_dense_real_gradients(self) -> None:
        """Refuse gradients for which an element-by-element update on real numbers would be wrong."""
        for index, group in enumerate(self.param_groups):
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is None or (gradient.layout == torch.strided and not gradient.dtype.is_complex):
                    continue
                where = f"the gradient of a parameter of shape {tuple(parameter.shape)} in parameter group {index}"
                name = type(self).__name__
                if gradient.layout != torch.strided:
                    raise ValueError(
                        f"{where} has the layout {gradient.layout}, but {name} takes dense gradients only: "
                        "build the embedding with sparse=False, or call .to_dense() on the gradient before step()"
                    )
                raise ValueError(
                    f"{where} has the type {gradient.dtype}, but {name} takes real gradients only: "
                    "keep the parameter as torch.view_as_real(...), with real and imaginary part side by side"
                )
