"""What a training step works on at a moment, beside weights, their gradients and the activations that are kept.

Letters as in `activations`: `n` tokens, `d` model width, `f` feed-forward width, `v` vocabulary.
"""

from nn.accounting.activations import Pass
from nn.accounting.precision import activation_bytes


def loss_bytes(of: Pass) -> int:
    """Return what the loss and its derivative work on, from the hidden states to their gradient."""
    return _plain_loss_bytes(of) if of.loss == "plain" else _chunked_loss_bytes(of)


def _plain_loss_bytes(of: Pass) -> int:
    """Logits as they come out of the product and in float32, beside what is kept of them; later their gradient alone.

    The compiler does not write the former down, so that the latter is the most.
    """
    return (4 if of.compiled else 4 + _narrow_bytes(of)) * of.tokens * of.config.vocab_size


def _chunked_loss_bytes(of: Pass) -> int:
    """The gradients of hidden states (n·d) and head (v·d), and the larger of what forward and backward pass need more.

    Forward: the hidden states, whose gradients are put together at the end, and the work on a chunk. Backward: both
    gradients a second time, scaled.
    """
    narrow, head = _narrow_bytes(of), of.config.vocab_size * of.config.d_model
    cast = of.vectors + narrow * head if of.precision == "mixed" else 0
    chunk = _compiled_chunk_bytes(of) if of.compiled else max(_logit_bytes(of), _head_gradient_bytes(of))
    forward = of.stream + cast + max(of.vectors, chunk)
    backward = of.vectors + (4 + narrow) * head
    return of.vectors + 4 * head + max(forward, backward)


def _head_gradient_bytes(of: Pass) -> int:
    """Return what the head's gradient by one chunk takes, with that chunk's logits and their gradient.

    In float32 it is added where it stands. Others are a product of their own, which CPUs add up in float32; that of the
    first chunk is only widened.
    """
    narrow, head = _narrow_bytes(of), of.config.vocab_size * of.config.d_model
    first, second = _chunks(of)
    added = narrow if of.accelerator or not second else narrow + 4
    return (4 + narrow) * first * of.config.vocab_size + (0 if narrow == 0 else added * head)


def _compiled_chunk_bytes(of: Pass) -> int:
    """Return what a chunk takes when compiled: logits and their gradient, and the head's gradient before or by it.

    With a soft cap its slope is a third, but in float32 in the place of the logits.
    """
    narrow, head = _narrow_bytes(of), of.config.vocab_size * of.config.d_model
    first, second = _chunks(of)
    slope = 4 if narrow and of.config.logit_soft_cap is not None else 0
    before = (4 if second else 0) * head
    return (4 + (narrow or 4) + slope) * first * of.config.vocab_size + (narrow * head or before)


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


def default_chunk(tokens: int) -> int:
    """Return how many tokens are in a chunk of the loss where the caller does not choose.

    The same rule as in `nn.loss`, which cannot be imported here because it needs torch; a test compares the two.
    """
    return tokens if tokens <= 1024 else max(512, -(-tokens // 32))


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
    each with its own gradient. The compiler makes one function of them, and has two, one in the place of what was kept.
    """
    working = of.stream + 3 * of.vectors
    if of.config.attention != "einx":
        return working
    width = activation_bytes(of.precision)
    return working + of.scores * (8 - width if of.compiled else 4 * 4 + width % 4)
