"""What the experiments show: pure functions from results to a sentence and a verdict.

`find` calls the function that an experiment names. The files, each using only those above it:

* `finding.py`: what goes in, `Measurements`, and what comes out, `Finding`;
* `losses.py`: final losses over seeds, and when a difference between two members counts;
* `power_law.py`: a law of scaling, fitted by least squares;
* `ablations.py`, `learning_rate.py`, `sweeps.py`, `runs.py`, `scaling.py`: findings about training;
* `figures.py`: single figures beside those reported elsewhere;
* `text_measurements.py`, `decoding.py`, `arithmetic.py`: findings about other measurements;
* `registry.py`: all of them by name.
"""

from experimentation.findings.finding import Dots, Finding, Measurements, Plot, Table, Verdict
from experimentation.findings.losses import losses_of
from experimentation.findings.registry import FINDINGS, find

__all__ = ["FINDINGS", "Dots", "Finding", "Measurements", "Plot", "Table", "Verdict", "find", "losses_of"]
