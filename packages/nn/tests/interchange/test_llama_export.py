"""Hugging Face's Llama folders against their model, written in plain torch by the names in the files."""

import json

import pytest
import torch
from llama_folders import INDEX, SHAPES, make_model, stored_tensors, theirs
from safetensors.torch import load_file

from nn.interchange import InterchangeError, load_llama, save_llama


@pytest.mark.parametrize("fields", SHAPES)
def test_the_folder_means_the_same_by_their_equations(tmp_path, fields):
    model = make_model(**fields)
    save_llama(model, tmp_path / "model", end_token=7)
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    ids = torch.randint(50, (2, 16))
    torch.testing.assert_close(
        theirs(config, stored_tensors(tmp_path / "model"), ids), model(ids), rtol=1e-4, atol=1e-5
    )
    assert config["rope_parameters"] == {"rope_type": "default", "rope_theta": config["rope_theta"]}
    assert config["bos_token_id"] == config["eos_token_id"] == 7
    generation = json.loads((tmp_path / "model" / "generation_config.json").read_text())
    assert generation == {"bos_token_id": 7, "eos_token_id": 7, "pad_token_id": 7}


def test_without_an_end_token_llamas_own_ids_do_not_apply(exported):
    config = json.loads((exported[1] / "config.json").read_text())
    assert config["bos_token_id"] is config["eos_token_id"] is None


def test_a_large_model_is_split_into_files(tmp_path):
    model = make_model()
    save_llama(model, tmp_path / "model", max_shard_bytes=10_000)
    index = json.loads((tmp_path / "model" / INDEX).read_text())
    files = sorted(tmp_path.glob("model/*.safetensors"))
    assert len(files) > 3
    assert files[0].name == f"model-00001-of-{len(files):05}.safetensors"
    assert index["metadata"]["total_size"] == 4 * model.num_parameters()
    for file in files:
        tensors = load_file(file)
        assert {index["weight_map"][name] for name in tensors} == {file.name}
        assert len(tensors) == 1 or 4 * sum(tensor.numel() for tensor in tensors.values()) <= 10_000
    for name, tensor in load_llama(tmp_path / "model").state_dict().items():
        assert tensor.equal(model.state_dict()[name])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_the_bytes(tmp_path, dtype):
    model = make_model()
    save_llama(model, tmp_path / "model", dtype=dtype)
    assert {tensor.dtype for tensor in stored_tensors(tmp_path / "model").values()} == {dtype}
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["dtype"] == config["torch_dtype"] == str(dtype).removeprefix("torch.")
    wide, narrow = load_llama(tmp_path / "model"), load_llama(tmp_path / "model", dtype=dtype)
    for name, tensor in model.state_dict().items():
        assert wide.state_dict()[name].equal(tensor.to(dtype).float())
        assert narrow.state_dict()[name].equal(tensor.to(dtype))
    save_llama(narrow, tmp_path / "again")
    assert (tmp_path / "again" / "config.json").read_text() == (tmp_path / "model" / "config.json").read_text()


def test_weights_beyond_the_range_of_the_dtype_are_refused(tmp_path):
    model = make_model()
    with torch.no_grad():
        model.blocks[1].feedforward.w1.weight[0, 0] = 1e5
    with pytest.raises(InterchangeError, match=r"blocks\.1\.feedforward\.w1\.weight is not finite in torch\.float16"):
        save_llama(model, tmp_path / "model", dtype=torch.float16)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InterchangeError, match=r"weights cannot be torch\.int8: choose one of float32, bfloat16"):
        save_llama(model, tmp_path / "model", dtype=torch.int8)


@pytest.mark.parametrize("end_token", [-1, 50])
def test_an_end_token_outside_the_vocabulary_is_refused(tmp_path, end_token):
    with pytest.raises(InterchangeError, match=f"end_token is {end_token}, which is not an id: give one from 0 to 49"):
        save_llama(make_model(), tmp_path / "model", end_token=end_token)
