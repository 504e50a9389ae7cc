"""What a training step works on at a moment, beside weights, their gradients and the activations that are kept.

Letters as in `activations`: `n` tokens, `d` model width, `f` feed-forward width, `v` vocabulary.
"""

from nn.accounting.activations import Pass
from nn.accounting.precision import activation_bytes
from nn.loss import default_chunk


def loss_bytes(of: Pass) -> int:
    """Return what the loss and its derivative work on, from the hidden states to their gradient."""
    return _plain_loss_bytes(of) if of.loss == "plain" else _chunked_loss_bytes(of)


def _plain_loss_bytes(of: Pass) -> int:
    """Logits, or later their gradient, beside what is kept of them; and widened, but by the compiler in place."""
    width = activation_bytes(of.precision)
    widened = 0 if of.compiled or of.precision == "float32" else 4
    return (width + widened) * of.tokens * of.config.vocab_size


def _chunked_loss_bytes(of: Pass) -> int:
    """The gradients of hidden states (n·d) and head (v·d), and the larger of what forward and backward pass need more.

    Forward: the hidden states, which are then put together; a chunk's logits, or the head's gradient by one chunk,
    which float32 adds where it stands. Backward: both gradients a second time, scaled.
    """
    config, narrow = of.config, _narrow_bytes(of)
    head = config.vocab_size * config.d_model
    cast = of.vectors + narrow * head if of.precision == "mixed" else 0
    # A product that is not in float32 is added up there by CPUs, and then narrowed.
    by_chunk = 0 if narrow == 0 else (narrow if of.accelerator else narrow + 4) * head
    first = (4 + narrow) * _chunks(of)[0] * config.vocab_size
    forward = of.stream + cast + max(of.vectors, _logit_bytes(of), first + by_chunk)
    backward = of.vectors + (4 + narrow) * head
    return of.vectors + 4 * head + max(forward, backward)


def _logit_bytes(of: Pass) -> int:
    """Return what the chunked loss takes at most for logits and their gradients.

    Those of a chunk, in float32 and in the dtype of the products, are let go when those of the next are there. A soft
    cap needs two more in float32, its slope and the square from which it is made.
    """
    narrow, (first, second) = _narrow_bytes(of), _chunks(of)
    most = (4 + narrow) * (first + second)
    if of.config.logit_soft_cap is not None:
        most = max(most, 12 * first, (narrow or 4) * first + 12 * second)
    return most * of.config.vocab_size


def _chunks(of: Pass) -> tuple[int, int]:
    """Return the tokens of the first chunk and of the one after it, if there is one."""
    first = min(of.tokens, of.chunk_tokens or default_chunk(of.tokens))
    return first, min(first, of.tokens - first)


def _narrow_bytes(of: Pass) -> int:
    """Return the bytes of a logit as it comes out of the product, if that is not float32 already."""
    width = activation_bytes(of.precision)
    return width if width < 4 else 0


def feedforward_bytes(of: Pass) -> int:
    """Return what the derivative of a feed-forward network works on: gradients of stream and, twice, hidden layer."""
    return of.stream + 2 * of.hidden


def attention_bytes(of: Pass) -> int:
    """Return what the derivative of attention works on: gradients of the stream, of q, k, v, and of the scores.

    The back end `einx` has four tensors of their size at once in float32: the softmax is made of several functions,
    each with its own gradient. The compiler makes one function of them, and computes it in place.
    """
    working = of.stream + 3 * of.vectors
    if of.config.attention != "einx":
        return working
    width = activation_bytes(of.precision)
    return working + of.scores * (width if of.compiled else 4 * 4 + width % 4)
