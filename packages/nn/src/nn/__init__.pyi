from .attention import (
    AttentionFunction as AttentionFunction,
    CausalMultiHeadSelfAttention as CausalMultiHeadSelfAttention,
    causal_attention as causal_attention,
    choose_backend as choose_backend,
)
from .block import TransformerBlock as TransformerBlock
from .compilation import compile_blocks as compile_blocks
from .config import AttentionBackend as AttentionBackend, ModelConfig as ModelConfig
from .documents import number_documents as number_documents
from .drawn_token import DrawnToken as DrawnToken
from .feedforward import ReLU2Network as ReLU2Network, SiLUNetwork as SiLUNetwork, SwiGLU as SwiGLU, silu as silu
from .float8 import use_float8 as use_float8
from .functional import (
    causal_mask as causal_mask,
    cross_entropy as cross_entropy,
    scaled_dot_product_attention as scaled_dot_product_attention,
    soft_cap as soft_cap,
    softmax as softmax,
)
from .generation import (
    generate as generate,
    generate_batch as generate_batch,
    generate_tokens as generate_tokens,
)
from .generation_config import DecodingMode as DecodingMode, SamplingConfig as SamplingConfig
from .kv_cache import KVCache as KVCache
from .language_model import TransformerLM as TransformerLM
from .layers import Embedding as Embedding, Linear as Linear, Mix as Mix, RMSNorm as RMSNorm
from .loss import linear_cross_entropy as linear_cross_entropy
from .rotary import RotaryPositionalEmbedding as RotaryPositionalEmbedding
from .sampling import next_token_probabilities as next_token_probabilities, sample as sample
from .scoring import score as score
from .windows import context_window as context_window
