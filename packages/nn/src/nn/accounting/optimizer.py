"""What an optimizer stores between steps, and the memory that it needs during an update."""

import math
from typing import Literal, get_args

from nn.accounting.parameters import count_parameters, hidden_matrix_shapes
from nn.accounting.precision import PrecisionScheme, weight_bytes
from nn.config import ModelConfig

OptimizerKind = Literal["adamw", "muon", "sgd"]
"""AdamW; Muon for the matrices inside the blocks, with AdamW for the rest; SGD without momentum."""

_MUON_AT_ONCE = 2**25  # weights that our Muon orthogonalizes at a time


def optimizer_values(config: ModelConfig, optimizer: OptimizerKind) -> int:
    """Count the numbers that an optimizer stores between steps, besides the parameters.

    AdamW stores two moments of each parameter; Muon one momentum of each hidden matrix, and AdamW's two of all others;
    SGD without momentum stores nothing.

    Raises:
        ValueError: the optimizer is unknown.
    """
    count = count_parameters(config)
    match optimizer:
        case "adamw":
            return 2 * count.total
        case "muon":
            return 2 * count.total - count.hidden_matrices
        case "sgd":
            return 0
    raise ValueError(f"optimizer is {optimizer!r}: choose one of {', '.join(get_args(OptimizerKind))}")


def update_bytes(
    config: ModelConfig, optimizer: OptimizerKind, precision: PrecisionScheme, *, accelerator: bool
) -> int:
    """Return the most bytes that clipping and update need besides parameters, gradients and the optimizer's state.

    Clipping computes the norm in float32, which copies all narrower gradients. AdamW needs √v of one parameter at a
    time on a CPU, and of all at once on an accelerator.
    """
    count, width = count_parameters(config), weight_bytes(precision)
    clipping = 4 * count.total if width < 4 else 0
    if optimizer == "sgd":
        return clipping
    embedding = config.vocab_size * config.d_model
    outside, inside = count.total - count.hidden_matrices, max(map(math.prod, hidden_matrix_shapes(config)))
    if optimizer == "muon":
        adamw = width * (outside if accelerator else embedding)
        return max(clipping, adamw, _muon_bytes(config, width, 2 if accelerator else 4))
    return max(clipping, width * (count.total if accelerator else max(embedding, inside)))


def _muon_bytes(config: ModelConfig, width: int, computing_width: int) -> int:
    """Return the bytes that orthogonalizing needs, for the shape that needs the most.

    As many matrices of one shape as are processed at a time: the directions to orthogonalize, in their own dtype and in
    that of the iterations; in the latter X and the next X; and, of the size of X's shorter side squared, XXᵀ and its
    polynomial.
    """
    most = 0
    for (rows, columns), number in hidden_matrix_shapes(config).items():
        together = min(number, max(1, _MUON_AT_ONCE // (rows * columns)))
        values, squares = together * rows * columns, together * min(rows, columns) ** 2
        most = max(most, width * values + computing_width * (3 * values + 2 * squares))
    return most
