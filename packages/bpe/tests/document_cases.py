"""Tokenizers for documents, with either engine, and the ids that documents have."""

from bpe import Tokenizer
from bpe.normalizers import Lowercase
from bpe.text_rules import TextRules

from .conftest import END


def tokenizers(trained, engine):
    """A tokenizer with which documents can be joined, and those with which they cannot be, for different reasons."""
    return [
        Tokenizer(*trained, [END, "<|pad|>"], engine=engine),
        Tokenizer(*trained, [END, f"{END}{END}", "a<|"], engine=engine),
        Tokenizer(*trained, [END], pattern=r"\b\w+|\W", engine=engine),
        Tokenizer(*trained, [END], rules=TextRules(normalizer=(Lowercase(),), prefix_space=True), engine=engine),
    ]


def ids_alone(tokenizer, documents, separator=END):
    """The ids of each document alone, with the separator after each."""
    ending = [tokenizer.special_tokens[separator]] if separator else []
    return [token_id for document in documents for token_id in (*tokenizer.encode(document), *ending)]
