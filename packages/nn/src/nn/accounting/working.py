"""The temporary tensors of a training step, besides weights, their gradients and the stored activations.

Letters: see `nn`.
"""

import math

from nn.accounting.activations import TrainingStep
from nn.accounting.precision import activation_bytes


def loss_bytes(step: TrainingStep) -> int:
    """Return the bytes of the loss and its derivative, from the hidden states to their gradient."""
    return _plain_loss_bytes(step) if step.loss == "plain" else _chunked_loss_bytes(step)


def _plain_loss_bytes(step: TrainingStep) -> int:
    """Logits in the dtype of the product and in float32, besides what is stored of them; later only their gradient."""
    return (4 + _narrow_bytes(step)) * step.tokens * step.config.vocab_size


def _chunked_loss_bytes(step: TrainingStep) -> int:
    """The hidden states' gradient, and the largest of what else is needed.

    In the forward pass: the head in bfloat16, in mixed precision, and a chunk, or the head's gradient in float32 and
    the hidden states' gradient again, while those of the chunks are concatenated. In the backward pass: the head's
    gradient in float32 and in bfloat16, from which the one in float32 follows, and, except on a CPU, both multiplied.
    """
    narrow, head = _narrow_bytes(step), step.config.vocab_size * step.config.d_model
    cast = narrow * head if step.precision == "mixed" else 0
    forward = cast + max(4 * head + step.vectors, _logit_bytes(step), _head_gradient_bytes(step))
    multiplied = step.vectors + 4 * head if step.accelerator else 0
    return step.vectors + max(forward, (4 + narrow) * head + multiplied)


def _head_gradient_bytes(step: TrainingStep) -> int:
    """Return the bytes of the head's gradient, with that of one chunk and that of the chunk's logits.

    In float32 the chunk's is added in place. In other dtypes it is a product of its own, which CPUs convert to float32
    to add it; that of the first chunk is only converted.
    """
    narrow, head = _narrow_bytes(step), step.config.vocab_size * step.config.d_model
    first, second = _chunks(step)
    converted = 4 if narrow and second and not step.accelerator else 0
    return (4 + narrow + converted) * head + (narrow or 4) * first * step.config.vocab_size


def _logit_bytes(step: TrainingStep) -> int:
    """Return the most bytes of the chunked loss for logits and their gradients.

    With the second chunk there are also the head's gradient and, until its own exists, the gradient by the first
    chunk's logits, unless it is where they were. Logits and gradient have the dtype of the product. If that is
    narrower, they are computed in float32, in place, and CPUs use float32 once more to write the gradient's entries of
    the targets. A soft cap needs two more in float32, its slope and, before the gradient, the square from which it is
    computed. When compiled, as runs on accelerators do, there are logits and gradient and, under a soft cap, its tanh;
    or three where all is float32, which was measured with the function compiled for a CPU.
    """
    narrow, (first, second) = _narrow_bytes(step), _chunks(step)
    slope = 4 if step.config.logit_soft_cap is not None else 0
    if step.compiled and step.accelerator:
        width = 2 * narrow + slope if narrow else 3 * 4
    elif narrow:
        width = max(narrow + 4 + 2 * slope, 2 * narrow + 4 + slope + (0 if step.accelerator else 4))
    else:
        width = 4 + 2 * slope
    in_place = not narrow and not (step.compiled and step.accelerator)  # the chunks share the memory of their logits
    earlier = 0 if in_place else (narrow or 4) * first
    rest = 4 * step.config.d_model + earlier if second else 0
    return step.config.vocab_size * max(width * first, width * second + rest)


def _chunks(step: TrainingStep) -> tuple[int, int]:
    """Return the tokens of the first chunk and of the one after it, if there is one."""
    chosen = step.chunk_tokens or default_chunk(step.tokens, step.config.vocab_size, accelerator=step.accelerator)
    first = min(step.tokens, chosen)
    return first, min(first, step.tokens - first)


def default_chunk(n: int, v: int, *, accelerator: bool) -> int:
    """Return how many of n tokens are in a chunk of the loss where the caller does not choose.

    The same rule as in `nn.loss`, which cannot be imported here because it needs torch; a test compares the two.
    """
    if accelerator:
        return max(512, 2 ** int(math.log2(max(1, 2**28 // v))))
    return n if n <= 1024 else max(512, -(-n // 32))


def _narrow_bytes(step: TrainingStep) -> int:
    """Return the bytes of a logit in the dtype of the product, or 0 if that is float32."""
    width = activation_bytes(step.precision)
    return width if width < 4 else 0


def feedforward_bytes(step: TrainingStep) -> int:
    """Return the bytes of the derivative of a feed-forward network: gradients of stream and, twice, hidden layer.

    Uncompiled, the norm before or after it computes three of the size of the stream in float32.
    """
    normalizes = step.config.norm != "none" and not step.compiled
    return max(step.vectors + 2 * step.hidden, 3 * 4 * step.tokens * step.config.d_model if normalizes else 0)


def attention_bytes(step: TrainingStep) -> int:
    """Return the bytes of the derivative of attention: gradients of stream, queries, keys, values and scores.

    The back end `einx` has four tensors of the size of the scores at once in float32: the softmax consists of several
    functions, each with its own gradient. The compiler fuses them: besides what was stored it has one in float32.
    """
    working = step.vectors + 3 * step.vectors
    if step.config.attention != "einx":
        return working
    width = activation_bytes(step.precision)
    return working + step.scores * (4 if step.compiled else 4 * 4 + width % 4)
