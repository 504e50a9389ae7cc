"""Reading and writing tokenizer files: `tokenizer.json`, `vocab.json` with `merges.txt`, and `.tiktoken`.

For every format, reading gives `TokenizerParts` (or some of them) and writing takes them; `bpe.Tokenizer` is built from
them. A file may be untrusted: `parts` lists the limits that are checked, and nothing in a file is ever executed.
"""

from bpe.lazy_exports import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(__name__, __file__)
