"""Accounting: the parameters and the floating-point operations of a model, from its configuration alone.

The settings are those of a model (`nn.ModelConfig`). A pass over one sequence of the model's context is counted, as
`nn.accounting.forward_flops` does it: matrix products only, 2mnk FLOPs each.

`values`: `parameters`; `float32_bytes`, the weights as float32; and of each component, and of `total`,
`flops_COMPONENT` and `share_COMPONENT` of all FLOPs.

`rows`: one for each component, the last one their sum: `model` (the model's shape), `component`, `flops`, `share`.
"""

from collections.abc import Mapping
from typing import Any

from experimentation.kind_settings import read_settings
from experimentation.workspace import Outcome, Workspace
from nn import ModelConfig
from nn.accounting import count_parameters, forward_flops

_FLOAT32_BYTES = 4

Settings = ModelConfig
"""The settings of a member."""


def run(settings: Mapping[str, Any], seed: int, workspace: Workspace) -> Outcome:
    """Count the parameters and FLOPs of the model that the settings describe.

    Raises:
        ValueError: the settings do not describe a model.
    """
    del seed, workspace  # nothing is drawn, and nothing is read
    return account(read_settings(Settings, settings))


def account(model: ModelConfig) -> Outcome:
    """Return what the docstring of this module lists."""
    flops = forward_flops(model)
    components = {**flops.parts(), "total": flops.total}
    shares = {component: count / flops.total for component, count in components.items()}
    parameters = count_parameters(model).total
    name = f"{model.num_layers} layers, d {model.d_model:,}, context {model.context_length:,}"
    return Outcome(
        values={
            "parameters": parameters,
            "float32_bytes": _FLOAT32_BYTES * parameters,
            **{f"flops_{component}": count for component, count in components.items()},
            **{f"share_{component}": share for component, share in shares.items()},
        },
        rows=tuple(
            {"model": name, "component": component, "flops": count, "share": shares[component]}
            for component, count in components.items()
        ),
    )
