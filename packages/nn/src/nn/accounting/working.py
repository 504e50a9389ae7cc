"""The temporary tensors of a training step, besides weights, their gradients and the stored activations.

Letters: see `nn`.
"""

from nn.accounting.activations import TrainingStep
from nn.accounting.precision import activation_bytes


def loss_bytes(step: TrainingStep) -> int:
    """Return the bytes of the loss and its derivative, from the hidden states to their gradient."""
    return _plain_loss_bytes(step) if step.loss == "plain" else _chunked_loss_bytes(step)


def _plain_loss_bytes(step: TrainingStep) -> int:
    """Logits in the dtype of the product and in float32, besides what is stored of them; later only their gradient.

    The compiler does not store the former, so that the latter is the maximum.
    """
    return (4 if step.compiled else 4 + _narrow_bytes(step)) * step.tokens * step.config.vocab_size


def _chunked_loss_bytes(step: TrainingStep) -> int:
    """The gradients of hidden states (n·d) and head (v·d), and the larger of forward's and backward's needs.

    Forward: the chunks' gradients of hidden states, concatenated at the end, and the tensors of a chunk. Backward: both
    gradients a second time, scaled.
    """
    narrow, head = _narrow_bytes(step), step.config.vocab_size * step.config.d_model
    cast = step.vectors + narrow * head if step.precision == "mixed" else 0
    chunk = _compiled_chunk_bytes(step) if step.compiled else max(_logit_bytes(step), _head_gradient_bytes(step))
    forward = step.stream + cast + max(step.vectors, chunk)
    backward = step.vectors + (4 + narrow) * head
    return step.vectors + 4 * head + max(forward, backward)


def _head_gradient_bytes(step: TrainingStep) -> int:
    """Return the bytes of one chunk's gradient of the head, with that chunk's logits and their gradient.

    In float32 it is added in place. In other dtypes it is a product of its own, which CPUs convert to float32 to add
    it; that of the first chunk is only converted.
    """
    narrow, head = _narrow_bytes(step), step.config.vocab_size * step.config.d_model
    first, second = _chunks(step)
    added = narrow if step.accelerator or not second else narrow + 4
    return (4 + narrow) * first * step.config.vocab_size + (0 if narrow == 0 else added * head)


def _compiled_chunk_bytes(step: TrainingStep) -> int:
    """Return the bytes of a chunk when compiled: logits and their gradient, and the head's gradient before or by it.

    With a soft cap its slope is a third tensor, but in float32 it takes the place of the logits. Where the products are
    narrower, the compiler, which unrolls the loop over the chunks, computes the gradients of all logits before the
    first product that reads them: of these, chunks save nothing.
    """
    narrow, head = _narrow_bytes(step), step.config.vocab_size * step.config.d_model
    first, second = _chunks(step)
    slope = 4 if narrow and step.config.logit_soft_cap is not None else 0
    before = (4 if second else 0) * head
    gradients = narrow * step.tokens or 4 * first
    return ((4 + slope) * first + gradients) * step.config.vocab_size + (narrow * head or before)


def _logit_bytes(step: TrainingStep) -> int:
    """Return the most bytes of the chunked loss for logits and their gradients.

    Those of a chunk, in float32 and in the dtype of the products, are freed once those of the next exist. A soft cap
    needs two more in float32, its slope and the square from which it is computed.
    """
    narrow, (first, second) = _narrow_bytes(step), _chunks(step)
    most = (4 + narrow) * (first + second)
    if step.config.logit_soft_cap is not None:
        most = max(most, 12 * first, (narrow or 4) * first + 12 * second)
    return most * step.config.vocab_size


def _chunks(step: TrainingStep) -> tuple[int, int]:
    """Return the tokens of the first chunk and of the one after it, if there is one."""
    first = min(step.tokens, step.chunk_tokens or default_chunk(step.tokens))
    return first, min(first, step.tokens - first)


def default_chunk(tokens: int) -> int:
    """Return how many tokens are in a chunk of the loss where the caller does not choose.

    The same rule as in `nn.loss`, which cannot be imported here because it needs torch; a test compares the two.
    """
    return tokens if tokens <= 1024 else max(512, -(-tokens // 32))


def _narrow_bytes(step: TrainingStep) -> int:
    """Return the bytes of a logit in the dtype of the product, or 0 if that is float32."""
    width = activation_bytes(step.precision)
    return width if width < 4 else 0


def feedforward_bytes(step: TrainingStep) -> int:
    """Return the bytes of the derivative of a feed-forward network: gradients of stream and, twice, hidden layer."""
    return step.stream + 2 * step.hidden


def attention_bytes(step: TrainingStep) -> int:
    """Return the bytes of the derivative of attention: gradients of stream, queries, keys, values and scores.

    The back end `einx` has four tensors of the size of the scores at once in float32: the softmax consists of several
    functions, each with its own gradient. The compiler fuses them and has two, one in place of what was stored.
    """
    working = step.stream + 3 * step.vectors
    if step.config.attention != "einx":
        return working
    width = activation_bytes(step.precision)
    return working + step.scores * (8 - width if step.compiled else 4 * 4 + width % 4)
