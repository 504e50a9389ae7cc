from .activations import LossKind as LossKind
from .cache import kv_cache_bytes as kv_cache_bytes
from .duration import training_seconds as training_seconds
from .flops import (
    FlopCount as FlopCount,
    PairKind as PairKind,
    attention_pairs as attention_pairs,
    backward_flops as backward_flops,
    forward_flops as forward_flops,
    training_flops as training_flops,
    training_flops_by_rule as training_flops_by_rule,
)
from .optimizer import OptimizerKind as OptimizerKind, optimizer_values as optimizer_values
from .parameters import ParameterCount as ParameterCount, count_parameters as count_parameters
from .peak import PeakMemory as PeakMemory, TrainingMemory as TrainingMemory, training_memory as training_memory
from .precision import PrecisionScheme as PrecisionScheme
from .reference import (
    ReferenceMemory as ReferenceMemory,
    reference_activations as reference_activations,
    reference_memory as reference_memory,
)
