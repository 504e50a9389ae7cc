import json
from dataclasses import replace

import pytest
import torch
from llama_folders import INDEX, SHAPES, edit_tensors, make_model, truncate

from nn.interchange import InterchangeError, load_llama, save_llama


@pytest.mark.parametrize("fields", SHAPES)
def test_there_and_back_is_the_same_to_the_bit(tmp_path, fields):
    model = make_model(**fields)
    save_llama(model, tmp_path / "model")
    back = load_llama(tmp_path / "model")
    assert back.config == replace(model.config, d_ff=48, num_kv_heads=model.config.kv_heads, window=None)
    assert back.state_dict().keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert back.state_dict()[name].equal(tensor), name
    assert (back.lm_head.weight is back.embedding.weight) == model.config.tie_embeddings
    assert all(parameter.requires_grad for parameter in back.parameters())
    ids = torch.randint(50, (1, 9))
    assert back(ids).equal(model(ids))


def test_another_context_and_back_end(exported):
    model, folder = exported
    short = load_llama(folder, context_length=5, attention="fused")
    assert (short.config.context_length, short.config.attention) == (5, "fused")
    ids = torch.randint(50, (1, 5))
    torch.testing.assert_close(short(ids), model(ids))
    with pytest.raises(InterchangeError, match=r"context_length is 17, but the model's is 16: give at most that"):
        load_llama(folder, context_length=17)


def test_a_tied_head_may_be_stored_as_well(tmp_path):
    model = make_model(tie_embeddings=True)
    folder = tmp_path / "model"
    save_llama(model, folder)
    edit_tensors(folder, lm_head__weight=model.embedding.weight.detach().clone())
    assert load_llama(folder).embedding.weight.equal(model.embedding.weight)
    edit_tensors(folder, lm_head__weight=torch.zeros(50, 32))
    with pytest.raises(InterchangeError, match=r"tie_word_embeddings is true, but lm_head\.weight is not"):
        load_llama(folder)


def test_tables_of_old_folders_are_skipped(exported):
    model, folder = exported
    edit_tensors(folder, model__layers__0__self_attn__rotary_emb__inv_freq=torch.ones(4))
    assert load_llama(folder).lm_head.weight.equal(model.lm_head.weight)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: edit_tensors(folder, "model.norm.weight"),
            r"has 1 of 21 tensors missing: model\.norm\.weight \[32\]",
        ),
        (
            lambda folder: edit_tensors(folder, model__layers__0__self_attn__q_proj__bias=torch.ones(32)),
            r"has 1 unexpected tensors.*: model\.layers\.0\.self_attn\.q_proj\.bias \[32\]",
        ),
        (
            lambda folder: edit_tensors(folder, model__norm__weight=torch.ones(32, dtype=torch.int8)),
            r"model\.norm\.weight is I8, but only BF16, F16, F32",
        ),
        (
            lambda folder: edit_tensors(folder, model__norm__weight=torch.full((32,), torch.nan)),
            r"model\.norm\.weight contains infinity or NaN",
        ),
        (lambda folder: truncate(folder / "model.safetensors"), "model.safetensors is truncated or damaged"),
        (lambda folder: (folder / "model.safetensors").unlink(), f"has neither model.safetensors nor {INDEX}"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: truncate(folder / "config.json"), "config.json is not valid JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "config.json does not contain a JSON object"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "pytorch_model.bin is a pickle, which is never opened",
        ),
    ],
)
def test_a_damaged_folder_is_refused(exported, damage, message):
    _, folder = exported
    damage(folder)
    with pytest.raises(InterchangeError, match=message):
        load_llama(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder, index: sorted(folder.glob("*.safetensors"))[1].unlink(), "00002-of-.* is missing"),
        (lambda folder, index: index.clear(), "has no weight_map"),
        (
            lambda folder, index: index["weight_map"].update(x="../x.safetensors"),
            "only files in the same folder",
        ),
        (lambda folder, index: index["weight_map"].update(x=5), "refers to the file 5"),
        (
            lambda folder, index: index["weight_map"].update(x=next(iter(index["weight_map"].values()))),
            "not contain x",
        ),
        (lambda folder, index: index["weight_map"].pop("model.embed_tokens.weight"), "has neither|is missing|unlike"),
        (lambda folder, index: index["weight_map"].pop("model.layers.0.input_layernorm.weight"), "contains .*, unlike"),
    ],
)
def test_an_index_that_does_not_match_is_refused(tmp_path, damage, message):
    folder = tmp_path / "model"
    save_llama(make_model(), folder, max_shard_bytes=10_000)
    index = json.loads((folder / INDEX).read_text())
    damage(folder, index)
    (folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(InterchangeError, match=message):
        load_llama(folder)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InterchangeError, match="nowhere is not a folder"):
        load_llama(tmp_path / "nowhere")
