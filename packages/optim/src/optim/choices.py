"""Types of the settings that are a choice between names. This module does not load torch."""

from typing import Literal

Algorithm = Literal["muon", "adamw"]
"""Which algorithm updates a group of parameters: see ``parameter_groups``."""

Implementation = Literal["auto", "loop", "foreach", "compiled"]
"""How AdamW's update is computed: see ``AdamW``."""

MuonScale = Literal["original", "match_adamw"]
"""How Muon's learning rate depends on the shape of a matrix: see ``Muon``."""

NewtonSchulzCoefficients = Literal["jordan", "polar_express"]
"""The polynomials of the Newton–Schulz iterations: see ``newton_schulz``."""

NewtonSchulzPrecision = Literal["auto", "bfloat16", "float32"]
"""In which type the Newton–Schulz iterations are computed: see ``newton_schulz``."""

Shape = Literal["linear", "cosine", "constant"]
"""How a learning rate changes from one value to the next: see ``Segment.shape``."""
