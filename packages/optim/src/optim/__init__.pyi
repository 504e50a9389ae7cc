from .adamw import AdamW as AdamW
from .choices import (
    Algorithm as Algorithm,
    Implementation as Implementation,
    MuonScale as MuonScale,
    NewtonSchulzCoefficients as NewtonSchulzCoefficients,
    NewtonSchulzPrecision as NewtonSchulzPrecision,
    Shape as Shape,
)
from .clipping import clip_grad_norm as clip_grad_norm
from .groups import (
    LearningRateFactors as LearningRateFactors,
    ParameterGroup as ParameterGroup,
    describe_groups as describe_groups,
    parameter_groups as parameter_groups,
)
from .muon import Muon as Muon
from .orthogonalization import newton_schulz as newton_schulz
from .schedules import (
    Segment as Segment,
    constant_schedule as constant_schedule,
    cosine_schedule as cosine_schedule,
    linear_schedule as linear_schedule,
    piecewise_schedule as piecewise_schedule,
    wsd_schedule as wsd_schedule,
)
from .sgd import SGD as SGD
