"""Reading and writing tokenizer files.

`tokenizer.json`, `vocab.json` with `merges.txt`, and `.tiktoken` are read and written; `tekken.json`, SentencePiece's
`.model` and llama2.c's `tokenizer.bin` are read, by modules that are loaded when they are needed. For every format,
reading gives `TokenizerParts` (or some of them) and writing takes them; `bpe.Tokenizer` is built from them. A file may
be untrusted: `parts` lists the limits that are checked, and nothing in a file is ever executed.
"""

from bpe.formats.any_file import read_tokenizer_file
from bpe.formats.gpt2_files import read_merges_txt, read_vocab_json, write_merges_txt, write_vocab_json
from bpe.formats.merge_recovery import recover_merges
from bpe.formats.parts import TokenizerFileError, TokenizerParts
from bpe.formats.tiktoken_file import read_tiktoken, write_tiktoken
from bpe.formats.tokenizer_json import read_tokenizer_json, write_tokenizer_json

__all__ = [
    "TokenizerFileError",
    "TokenizerParts",
    "read_merges_txt",
    "read_tiktoken",
    "read_tokenizer_file",
    "read_tokenizer_json",
    "read_vocab_json",
    "recover_merges",
    "write_merges_txt",
    "write_tiktoken",
    "write_tokenizer_json",
    "write_vocab_json",
]
