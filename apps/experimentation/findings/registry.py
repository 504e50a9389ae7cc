"""The findings by the names that experiments give them."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from experimentation.findings.ablations import no_norm, nope, post_norm, silu
from experimentation.findings.arithmetic import accounting, adamw_cost, sgd_toy
from experimentation.findings.decoding import decoding
from experimentation.findings.finding import Finding, Measurements, not_run
from experimentation.findings.learning_rate import learning_rate
from experimentation.findings.runs import base, corpora, optimizers, seeds
from experimentation.findings.scaling import scaling
from experimentation.findings.sweeps import batch_size, warmup, weight_decay
from experimentation.findings.text_measurements import compression, dtype, encoding_speed, tokenizer_training, unicode

FINDINGS: Mapping[str, Callable[[Measurements], Finding]] = {
    function.__name__: function
    for function in (
        accounting,
        adamw_cost,
        base,
        batch_size,
        compression,
        corpora,
        decoding,
        dtype,
        encoding_speed,
        learning_rate,
        no_norm,
        nope,
        optimizers,
        post_norm,
        scaling,
        seeds,
        sgd_toy,
        silu,
        tokenizer_training,
        unicode,
        warmup,
        weight_decay,
    )
}
"""What an experiment may name as its `finding`."""


def find(name: str, measurements: Measurements) -> Finding:
    """Return what an experiment shows.

    At scale smoke the models are hardly trained, so that nothing that depends on training can be compared.

    Args:
        name: the name of a finding.
        measurements: what is known about the experiment.

    Raises:
        ValueError: there is no finding of this name.
    """
    if name not in FINDINGS:
        raise ValueError(f"there is no finding {name!r}: choose one of {', '.join(sorted(FINDINGS))}")
    if not measurements.results:
        return not_run("it has no result")
    finding = FINDINGS[name](measurements)
    trained = all(result.kind == "training" for result in measurements.results)
    if measurements.scale == "smoke" and trained and finding.verdict != "not run":
        return replace(finding, verdict="not comparable")
    return finding
