from bpe.formats.gpt2_files import (
    read_merges_txt as read_merges_txt,
    read_vocab_json as read_vocab_json,
    write_merges_txt as write_merges_txt,
    write_vocab_json as write_vocab_json,
)
from bpe.formats.merge_recovery import recover_merges as recover_merges
from bpe.formats.parts import TokenizerFileError as TokenizerFileError, TokenizerParts as TokenizerParts
from bpe.formats.tiktoken_file import read_tiktoken as read_tiktoken, write_tiktoken as write_tiktoken
from bpe.formats.tokenizer_json import (
    read_tokenizer_json as read_tokenizer_json,
    write_tokenizer_json as write_tokenizer_json,
)
