"""The names of weights in the course's state dicts, and their names in `nn`.

    course                                   nn
    token_embeddings.weight                  embedding.weight
    layers.0.ln1.weight                      blocks.0.attention_norm.weight
    layers.0.attn.{q,k,v,output}_proj.weight blocks.0.attention.{q,k,v,output}_proj.weight
    layers.0.ln2.weight                      blocks.0.feedforward_norm.weight
    layers.0.ffn.{w1,w2,w3}.weight           blocks.0.feedforward.{w1,w2,w3}.weight
    ln_final.weight                          final_norm.weight
    lm_head.weight                           lm_head.weight

Shapes and the order of rows are the same.
"""

from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor
from torch.nn import Module

_IN_A_BLOCK = {"ln1": "attention_norm", "attn": "attention", "ln2": "feedforward_norm", "ffn": "feedforward"}
_IN_A_MODEL = {"token_embeddings": "embedding", "layers": "blocks", "ln_final": "final_norm"}

AnyModule = TypeVar("AnyModule", bound=Module)


def block_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of one block under their names in `nn.TransformerBlock`."""
    return {_renamed(name, _IN_A_BLOCK): weight for name, weight in weights.items()}


def model_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a model under their names in `nn.TransformerLM`."""
    return {_renamed(name, _IN_A_MODEL | _IN_A_BLOCK): weight for name, weight in weights.items()}


def _renamed(name: str, names: Mapping[str, str]) -> str:
    """Replace the parts of a dotted name that have another one; other parts stay, and `filled` refuses unknown names.

    >>> _renamed("layers.3.ln1.weight", _IN_A_MODEL | _IN_A_BLOCK)
    'blocks.3.attention_norm.weight'
    """
    return ".".join(names.get(part, part) for part in name.split("."))


def filled(module: AnyModule, weights: Mapping[str, Tensor]) -> AnyModule:
    """Return the module with these weights, which it shares with the caller.

    Raises:
        RuntimeError: a weight is missing, has another shape, or does not belong to the module.
    """
    module.load_state_dict({name: weight.detach() for name, weight in weights.items()}, assign=True)
    return module
