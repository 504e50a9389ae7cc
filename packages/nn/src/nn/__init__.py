"""The Transformer language model, every module written from scratch with einx."""

from nn.attention import CausalMultiHeadSelfAttention
from nn.block import TransformerBlock
from nn.config import ModelConfig
from nn.embedding import Embedding
from nn.feedforward import ReLU2Network, SiLUNetwork, SwiGLU, silu
from nn.functional import cross_entropy, scaled_dot_product_attention, soft_cap, softmax
from nn.generation import generate, generate_batch
from nn.kv_cache import KVCache
from nn.language_model import TransformerLM
from nn.linear import Linear
from nn.masking import causal_mask
from nn.normalization import RMSNorm
from nn.rotary import RotaryPositionalEmbedding
from nn.sampling import SamplingConfig, next_token_probabilities, sample

__all__ = [
    "CausalMultiHeadSelfAttention",
    "Embedding",
    "KVCache",
    "Linear",
    "ModelConfig",
    "RMSNorm",
    "ReLU2Network",
    "RotaryPositionalEmbedding",
    "SamplingConfig",
    "SiLUNetwork",
    "SwiGLU",
    "TransformerBlock",
    "TransformerLM",
    "causal_mask",
    "cross_entropy",
    "generate",
    "generate_batch",
    "next_token_probabilities",
    "sample",
    "scaled_dot_product_attention",
    "silu",
    "soft_cap",
    "softmax",
]
