from bpe.chunks import cut_stream as cut_stream
from bpe.corpus import (
    encode_documents as encode_documents,
    encode_file as encode_file,
    encode_stream as encode_stream,
)
from bpe.document_files import file_format as file_format, read_documents as read_documents
from bpe.formats.parts import TokenizerFileError as TokenizerFileError
from bpe.formats.portable_patterns import check_portable_pattern as check_portable_pattern
from bpe.patterns import PATTERNS as PATTERNS
from bpe.progress import Progress as Progress
from bpe.shard_manifest import (
    ShardManifest as ShardManifest,
    describe_tokens as describe_tokens,
    read_shard_manifest as read_shard_manifest,
    write_shard_manifest as write_shard_manifest,
)
from bpe.shards import ShardInfo as ShardInfo, encode_shard as encode_shard, shard_name as shard_name
from bpe.streaming import StreamDecoder as StreamDecoder
from bpe.text_files import TextFileError as TextFileError, read_text as read_text, read_text_stream as read_text_stream
from bpe.token_files import (
    TokenFileError as TokenFileError,
    TokenFileInfo as TokenFileInfo,
    open_token_file as open_token_file,
    read_token_file_info as read_token_file_info,
    write_token_file as write_token_file,
)
from bpe.tokenizer import Tokenizer as Tokenizer
from bpe.training import train_bpe as train_bpe, train_bpe_with_report as train_bpe_with_report
from bpe.training_report import TrainingReport as TrainingReport
