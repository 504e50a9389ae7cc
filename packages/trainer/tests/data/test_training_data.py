import pytest
import torch

from nn import ModelConfig
from trainer import DataConfig, DataError, open_data

from ..conftest import VOCAB, write_tokens


def test_open_data(tmp_path):
    model = ModelConfig(vocab_size=VOCAB, context_length=4, d_model=8, num_heads=2)
    long, short = write_tokens(tmp_path / "a.bin", [1, 2, 3, 4, 5]), write_tokens(tmp_path / "b.bin", [1, 2, 3, 4])
    data = open_data(DataConfig(str(long), str(long)), model)
    assert (data.num_train_tokens, data.valid.tolist()) == (5, [1, 2, 3, 4, 5])
    with pytest.raises(DataError, match=r"b\.bin has 4 tokens, but a window of context length 4 needs at least 5"):
        open_data(DataConfig(str(long), str(short)), model)
    with pytest.raises(DataError, match=r"data\.train_tokens and data\.valid_tokens are required"):
        open_data(DataConfig(str(long)), model)
    with pytest.raises(DataError, match=r"data\.train_weights has 1 weights for 2 files"):
        open_data(DataConfig((str(long), str(long)), str(long), train_weights=(1.0,)), model)


def test_several_files_and_their_order_come_from_the_configuration(tmp_path):
    model = ModelConfig(vocab_size=VOCAB, context_length=4, d_model=8, num_heads=2)
    files = tuple(str(write_tokens(tmp_path / f"{k}.bin", [k] * 40)) for k in range(3))
    data = open_data(DataConfig(files, files[0], train_weights=(1, 2, 1)), model)
    batches = data.batches(seed=3, batch_size=400, context_length=4)
    counts = torch.bincount(batches.rows(1)[0][:, 0]).tolist()
    assert sum(counts) == 400
    assert counts[1] > max(counts[0], counts[2])
    in_epochs = open_data(DataConfig(files, files[0], order="epoch"), model)
    batches = in_epochs.batches(seed=3, batch_size=27, context_length=4)
    assert torch.bincount(batches.rows(1)[0][:, 0]).tolist() == [9, 9, 9]
