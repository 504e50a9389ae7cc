"""The data of a run: its token files, opened and checked."""

from dataclasses import dataclass

from nn import ModelConfig
from trainer.config import DataConfig
from trainer.data.batches import TrainingBatches
from trainer.data.joined_tokens import Tokens
from trainer.data.shards import open_shards
from trainer.data.token_files import DataError, TokenFile, check_length, open_token_file


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The token files of a run."""

    train_files: tuple[TokenFile, ...]
    """Files to train on."""
    valid_file: TokenFile
    """File to evaluate on."""
    config: DataConfig
    """The order of the training windows, and the weights of the files."""

    @property
    def num_train_tokens(self) -> int:
        """Number of ids in all training files."""
        return sum(len(file.tokens) for file in self.train_files)

    @property
    def valid(self) -> Tokens:
        """The ids to evaluate on."""
        return self.valid_file.tokens

    def batches(self, *, seed: int, batch_size: int, context_length: int) -> TrainingBatches:
        """Return the training batches of a run.

        Raises:
            DataError: a file is too short for a window, or the weights do not match the files or the order.
        """
        return TrainingBatches(
            self.train_files,
            seed=seed,
            batch_size=batch_size,
            context_length=context_length,
            order=self.config.order,
            weights=self.config.train_weights,
        )


def open_data(config: DataConfig, model: ModelConfig) -> TrainingData:
    """Open all token files of a run and check that the model can be trained on them.

    A path that ends in `.json` is that of a manifest of shards.

    Raises:
        DataError: a file is not given, missing, damaged or too short, or contains ids outside the vocabulary; or the
            weights do not match the files or the order.
    """
    if not config.train_files or config.valid_tokens is None:
        raise DataError("data.train_tokens and data.valid_tokens are required: give the paths of two token files")
    train = tuple(_open(path, config, model) for path in config.train_files)
    valid = _open(config.valid_tokens, config, model)
    check_length(valid.tokens, model.context_length, config.valid_tokens)
    data = TrainingData(train, valid, config)
    data.batches(seed=0, batch_size=1, context_length=model.context_length)  # for its checks
    return data


def _open(path: str, config: DataConfig, model: ModelConfig) -> TokenFile:
    if path.endswith(".json"):
        return open_shards(path, model.vocab_size, verify=config.verify_shards)
    return open_token_file(path, model.vocab_size)
