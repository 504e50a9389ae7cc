"""Documents within a sequence: attention does not cross the borders between them. Axes: see `nn`."""

import einx
from jaxtyping import Bool, Int
from torch import Tensor


def number_documents(token_ids: Int[Tensor, "... t"], separator_token: int) -> Int[Tensor, "... t"]:
    """Number the documents of each sequence from 0; the separator is the first token of the document it begins."""
    return (token_ids == separator_token).cumsum(-1)


def same_document(
    query_documents: Int[Tensor, "... q"], key_documents: Int[Tensor, "... k"]
) -> Bool[Tensor, "... q k"]:
    """Return the mask that is True where query and key belong to the same document, given their documents' numbers."""
    return einx.equal("... q, ... k -> ... q k", query_documents, key_documents)
