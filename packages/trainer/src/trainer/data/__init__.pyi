from .batches import TrainingBatches as TrainingBatches
from .fingerprint import (
    DataFingerprint as DataFingerprint,
)
from .fingerprint import (
    fingerprint_data as fingerprint_data,
)
from .fingerprint import (
    fingerprint_file as fingerprint_file,
)
from .fingerprint import (
    load_fingerprint as load_fingerprint,
)
from .fingerprint import (
    refuse_other_data as refuse_other_data,
)
from .fingerprint import (
    save_fingerprint as save_fingerprint,
)
from .prefetch import Prefetcher as Prefetcher
from .token_files import (
    DataError as DataError,
)
from .token_files import (
    TokenFile as TokenFile,
)
from .token_files import (
    open_token_file as open_token_file,
)
from .token_files import (
    open_tokens as open_tokens,
)
from .training_data import (
    TrainingData as TrainingData,
)
from .training_data import (
    get_batch as get_batch,
)
from .training_data import (
    open_data as open_data,
)
