"""How text is generated: settings that do not need torch."""

import math
from dataclasses import dataclass
from typing import Literal

DecodingMode = Literal["off", "record", "graph", "on"]
"""How a decoding step runs:

- `off`: the Python code of the model.
- `record`: a list of torch operations, recorded at the first step of a model (half a second for four layers).
- `graph`: the Python code of the model, captured as a CUDA graph; needs a CUDA device.
- `on`: compiled by torch.compile, which needs a C++ compiler and takes 20 to 90 seconds on a CPU the first time.

On a CUDA device the recorded or compiled step is captured as a CUDA graph too.
"""


@dataclass(frozen=True)
class SamplingConfig:
    """How the next token is drawn. The defaults draw from the model's own distribution.

    The settings apply in this order: repetition penalty, temperature, top-k, top-p, min-p.
    """

    temperature: float = 1.0
    """Logits are divided by it; 0 always takes the most probable token (greedy)."""
    top_k: int | None = None
    """Draw from the k most probable tokens only (Fan et al. 2018, arXiv:1805.04833); None: no limit."""
    top_p: float = 1.0
    """Draw from the smallest set whose probability reaches p (Holtzman et al. 2019, arXiv:1904.09751)."""
    min_p: float = 0.0
    """Draw from tokens at least min_p times as probable as the first one (Nguyen et al. 2024, arXiv:2407.01082)."""
    repetition_penalty: float = 1.0
    """Tokens seen before have positive logits divided by it, negative ones multiplied (Keskar et al. 2019,
    arXiv:1909.05858); above 1 makes them rarer, 1 changes nothing."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}: give 0 (greedy) or a finite number above it")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k is {self.top_k}: give at least 1, or none for no limit")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}: give a number above 0 and at most 1")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p is {self.min_p}: give a number from 0 (no limit) to 1")
        if not 0 < self.repetition_penalty < math.inf:
            raise ValueError(
                f"repetition_penalty is {self.repetition_penalty}: give a number above 0, such as 1.2, or 1 for none"
            )
