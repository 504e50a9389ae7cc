from .batches import TrainingBatches as TrainingBatches
from .fingerprint import (
    DataFingerprint as DataFingerprint,
    fingerprint_data as fingerprint_data,
    fingerprint_file as fingerprint_file,
    load_fingerprint as load_fingerprint,
    refuse_other_data as refuse_other_data,
    save_fingerprint as save_fingerprint,
)
from .joined_tokens import JoinedTokens as JoinedTokens, Tokens as Tokens
from .prefetch import Prefetcher as Prefetcher, prefetched as prefetched
from .shards import open_shards as open_shards
from .token_files import (
    DataError as DataError,
    Shard as Shard,
    TokenFile as TokenFile,
    open_token_file as open_token_file,
    open_tokens as open_tokens,
)
from .training_data import TrainingData as TrainingData, open_data as open_data
from .validation_batches import validation_batches as validation_batches
from .windows import Batch as Batch, get_batch as get_batch
