"""What a model costs, from its configuration alone: parameters, operations, memory, time."""

from nn.accounting.cache import kv_cache_bytes
from nn.accounting.duration import training_seconds
from nn.accounting.flops import (
    FlopCount,
    attention_pairs,
    backward_flops,
    forward_flops,
    training_flops,
    training_flops_by_rule,
)
from nn.accounting.optimizer import optimizer_values
from nn.accounting.parameters import ParameterCount, count_parameters
from nn.accounting.peak import PeakMemory, TrainingMemory, training_memory
from nn.accounting.textbook import TextbookMemory, textbook_activations, textbook_memory

__all__ = [
    "FlopCount",
    "ParameterCount",
    "PeakMemory",
    "TextbookMemory",
    "TrainingMemory",
    "attention_pairs",
    "backward_flops",
    "count_parameters",
    "forward_flops",
    "kv_cache_bytes",
    "optimizer_values",
    "textbook_activations",
    "textbook_memory",
    "training_flops",
    "training_flops_by_rule",
    "training_memory",
    "training_seconds",
]
