"""Byte-level BPE tokenizer: training, encoding, decoding.

    vocab, merges = train_bpe("corpus.txt", 10_000, ["<|endoftext|>"])
    tokenizer = Tokenizer(vocab, merges, ["<|endoftext|>"])
    ids = tokenizer.encode("Once upon a time")
    text = tokenizer.decode(ids)

Importing this package loads neither numpy nor Numba.
"""

from bpe.chunks import cut_stream
from bpe.corpus import encode_documents, encode_file, encode_stream
from bpe.document_files import file_format, read_documents
from bpe.formats import TokenizerFileError
from bpe.formats.portable_patterns import check_portable_pattern
from bpe.patterns import PATTERNS
from bpe.progress import Progress
from bpe.shard_manifest import ShardManifest, describe_tokens, read_shard_manifest, write_shard_manifest
from bpe.shards import ShardInfo, encode_shard, shard_name
from bpe.streaming import StreamDecoder
from bpe.text_files import TextFileError, read_text, read_text_stream
from bpe.token_files import TokenFileError, TokenFileInfo, open_token_file, read_token_file_info, write_token_file
from bpe.tokenizer import Tokenizer
from bpe.training import train_bpe, train_bpe_with_report
from bpe.training_report import TrainingReport

__all__ = [
    "PATTERNS",
    "Progress",
    "ShardInfo",
    "ShardManifest",
    "StreamDecoder",
    "TextFileError",
    "TokenFileError",
    "TokenFileInfo",
    "Tokenizer",
    "TokenizerFileError",
    "TrainingReport",
    "check_portable_pattern",
    "cut_stream",
    "describe_tokens",
    "encode_documents",
    "encode_file",
    "encode_shard",
    "encode_stream",
    "file_format",
    "open_token_file",
    "read_documents",
    "read_shard_manifest",
    "read_text",
    "read_text_stream",
    "read_token_file_info",
    "shard_name",
    "train_bpe",
    "train_bpe_with_report",
    "write_shard_manifest",
    "write_token_file",
]
