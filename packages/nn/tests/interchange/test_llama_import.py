"""Hugging Face's Llama folders against an oracle: their model written out in plain torch, by the names in the files."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from nn import ModelConfig, TransformerLM
from nn.interchange import InterchangeError, load_llama, save_llama
from nn.interchange.llama_names import llama_weights
from nn.interchange.rotary_layout import halves_to_pairs, pairs_to_halves

TINY = ModelConfig(vocab_size=50, context_length=16, d_model=32, num_layers=2, num_heads=4, d_ff=48)
SHAPES = [
    {},
    {"num_kv_heads": 2, "rope_theta": 500.0, "norm_eps": 0.1},
    {"num_kv_heads": 1, "tie_embeddings": True},
    {"num_heads": 16, "window": 16, "zero_init_outputs": False},
]
INDEX = "model.safetensors.index.json"


def theirs(config, tensors, ids):
    """Their model: rotation of halves, repeated key/value heads, everything from the content of the files."""

    def norm(x, name):
        return x * (x.square().mean(-1, keepdim=True) + config["rms_norm_eps"]).rsqrt() * tensors[name + ".weight"]

    def linear(x, name):
        return x @ tensors[name + ".weight"].T

    def rotate(x):
        half = x.shape[-1] // 2
        angles = torch.arange(x.shape[-2])[:, None] * config["rope_theta"] ** (-torch.arange(half) / half)
        first, second = x[..., :half], x[..., half:]
        cos, sin = angles.cos(), angles.sin()
        return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)

    def heads(x, count):
        return x.unflatten(-1, (count, config["head_dim"])).transpose(1, 2)

    num_heads, num_kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    hidden = tensors["model.embed_tokens.weight"][ids]
    future = torch.ones(ids.shape[1], ids.shape[1]).triu(1).bool()
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        x = norm(hidden, at + "input_layernorm")
        q = rotate(heads(linear(x, at + "self_attn.q_proj"), num_heads))
        k = rotate(heads(linear(x, at + "self_attn.k_proj"), num_kv_heads))
        v = heads(linear(x, at + "self_attn.v_proj"), num_kv_heads)
        k, v = (tensor.repeat_interleave(num_heads // num_kv_heads, 1) for tensor in (k, v))
        scores = (q @ k.transpose(-1, -2) / config["head_dim"] ** 0.5).masked_fill(future, -torch.inf)
        hidden = hidden + linear((scores.softmax(-1) @ v).transpose(1, 2).flatten(2), at + "self_attn.o_proj")
        x = norm(hidden, at + "post_attention_layernorm")
        gate = linear(x, at + "mlp.gate_proj")
        hidden = hidden + linear(gate * gate.sigmoid() * linear(x, at + "mlp.up_proj"), at + "mlp.down_proj")
    head = "model.embed_tokens" if config["tie_word_embeddings"] else "lm_head"
    return linear(norm(hidden, "model.norm"), head)


def make_model(**fields):
    """A model whose gains and mixes are not what they start as."""
    model = TransformerLM(replace(TINY, **fields))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
    return model


@pytest.fixture
def exported(tmp_path):
    """An exported model, its folder, and ways to spoil it."""
    model = make_model()
    save_llama(model, tmp_path / "model")
    return model, tmp_path / "model"


def edit(folder, *remove, **change):
    """Change config.json."""
    content = json.loads((folder / "config.json").read_text())
    content = {key: value for key, value in content.items() if key not in remove} | change
    (folder / "config.json").write_text(json.dumps(content))


def edit_tensors(folder, *remove, **change):
    tensors = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    tensors |= {name.replace("__", "."): tensor for name, tensor in change.items()}
    save_file({name: tensor for name, tensor in tensors.items() if name not in remove}, folder / "model.safetensors")


def everything(folder):
    files = sorted(folder.glob("*.safetensors"))
    return {name: tensor for file in files for name, tensor in load_file(file).items()}


@pytest.mark.parametrize("fields", SHAPES)
def test_the_folder_means_the_same_by_their_equations(tmp_path, fields):
    model = make_model(**fields)
    save_llama(model, tmp_path / "model", end_token=7)
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    ids = torch.randint(50, (2, 16))
    torch.testing.assert_close(theirs(config, everything(tmp_path / "model"), ids), model(ids), rtol=1e-4, atol=1e-5)
    assert config["rope_parameters"] == {"rope_type": "default", "rope_theta": config["rope_theta"]}
    assert config["bos_token_id"] == config["eos_token_id"] == 7
    generation = json.loads((tmp_path / "model" / "generation_config.json").read_text())
    assert generation == {"bos_token_id": 7, "eos_token_id": 7, "pad_token_id": 7}


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


def test_without_an_end_token_llamas_own_ids_do_not_apply(exported):
    config = json.loads((exported[1] / "config.json").read_text())
    assert config["bos_token_id"] is config["eos_token_id"] is None


@given(heads=st.integers(1, 4), pairs=st.integers(1, 5))
def test_rows_are_sorted_as_described(heads, pairs):
    rows = torch.arange(heads * 2 * pairs)[:, None].repeat(1, 3)
    halves = pairs_to_halves(rows, heads)
    for head in range(heads):
        start = head * 2 * pairs
        expected = [*range(start, start + 2 * pairs, 2), *range(start + 1, start + 2 * pairs, 2)]
        assert halves[start : start + 2 * pairs, 0].tolist() == expected
    assert halves_to_pairs(halves, heads).equal(rows)


def test_each_of_our_parameters_has_its_tensor():
    for tied in (False, True):
        model = make_model(tie_embeddings=tied)
        weights = llama_weights(model.config)
        assert sorted(weight.ours for weight in weights) == sorted(dict(model.named_parameters()))
        assert len({weight.theirs for weight in weights}) == len(weights)


def test_a_large_model_is_cut_into_files(tmp_path):
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
    assert {tensor.dtype for tensor in everything(tmp_path / "model").values()} == {dtype}
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["dtype"] == config["torch_dtype"] == str(dtype).removeprefix("torch.")
    wide, narrow = load_llama(tmp_path / "model"), load_llama(tmp_path / "model", dtype=dtype)
    for name, tensor in model.state_dict().items():
        assert wide.state_dict()[name].equal(tensor.to(dtype).float())
        assert narrow.state_dict()[name].equal(tensor.to(dtype))
    save_llama(narrow, tmp_path / "again")
    assert (tmp_path / "again" / "config.json").read_text() == (tmp_path / "model" / "config.json").read_text()


def test_a_dtype_that_cannot_hold_the_weights(tmp_path):
    model = make_model()
    with torch.no_grad():
        model.blocks[1].feedforward.w1.weight[0, 0] = 1e5
    with pytest.raises(InterchangeError, match=r"blocks\.1\.feedforward\.w1\.weight is not finite in torch\.float16"):
        save_llama(model, tmp_path / "model", dtype=torch.float16)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InterchangeError, match=r"weights cannot be torch\.int8: choose one of float32, bfloat16"):
        save_llama(model, tmp_path / "model", dtype=torch.int8)


def test_a_context_and_a_backend_of_ones_own(exported):
    model, folder = exported
    short = load_llama(folder, context_length=5, attention="fused")
    assert (short.config.context_length, short.config.attention) == (5, "fused")
    ids = torch.randint(50, (1, 5))
    torch.testing.assert_close(short(ids), model(ids))
    with pytest.raises(InterchangeError, match=r"context_length = 17 is beyond what the model was made for: .* 16"):
        load_llama(folder, context_length=17)


def test_the_spelling_of_version_4(exported):
    model, folder = exported
    edit(folder, "rope_parameters", "head_dim", "dtype", "bos_token_id", rope_theta=77.0, rope_scaling=None)
    assert load_llama(folder).config == replace(model.config, rope_theta=77.0, num_kv_heads=4)


def test_the_spelling_of_version_5(exported):
    model, folder = exported
    edit(folder, "rope_theta", "torch_dtype", rope_parameters={"rope_type": "default", "rope_theta": 77})
    assert load_llama(folder).config == replace(model.config, rope_theta=77.0, num_kv_heads=4)


def test_what_is_missing_has_llamas_defaults(exported):
    _, folder = exported
    edit(
        folder,
        *("rope_theta", "rope_parameters", "rms_norm_eps", "max_position_embeddings", "num_key_value_heads"),
        *("hidden_act", "tie_word_embeddings", "attention_bias", "mlp_bias"),
    )
    config = load_llama(folder).config
    assert (config.rope_theta, config.norm_eps, config.context_length, config.kv_heads) == (10_000.0, 1e-6, 2048, 4)


def test_a_tied_head_may_be_stored_too(tmp_path):
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
    ("fields", "message"),
    [
        ({"norm": "post"}, "model.norm is 'post', which Llama has not: .* trained with 'pre'"),
        ({"norm": "none"}, "model.norm is 'none'"),
        ({"position": "none"}, "model.position is 'none', .* with 'rope'"),
        ({"ffn": "relu2"}, "model.ffn is 'relu2', .* with 'swiglu'"),
        ({"ffn": "silu"}, "model.ffn is 'silu'"),
        ({"qk_norm": True}, "model.qk_norm is on, .* without it"),
        ({"value_residual": True}, "model.value_residual is on"),
        ({"embedding_shortcut": True}, "model.embedding_shortcut is on"),
        ({"embedding_norm": True}, "model.embedding_norm is on"),
        ({"logit_soft_cap": 15.0}, "model.logit_soft_cap is 15.0, .* set it to null"),
        ({"window": 15}, "model.window is 15, but Llama sees its whole context of 16"),
        ({"separator_token": 0}, "model.separator_token is 0, .* set it to null"),
    ],
)
def test_what_llama_has_not_is_refused(tmp_path, fields, message):
    with pytest.raises(InterchangeError, match=message):
        save_llama(TransformerLM(replace(TINY, **fields)), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_every_field_that_changes_the_equations_is_known():
    """A field that is new must be exported, refused, or be found harmless here."""
    exported = {"vocab_size", "context_length", "d_model", "num_layers", "num_heads", "num_kv_heads", "d_ff"}
    exported |= {"rope_theta", "norm_eps", "tie_embeddings"}
    refused = {"norm", "position", "ffn", "window", "separator_token", "qk_norm", "value_residual"}
    refused |= {"embedding_shortcut", "embedding_norm", "logit_soft_cap"}
    harmless = {"zero_init_outputs", "attention"}  # a start, and who computes it
    assert set(ModelConfig.__dataclass_fields__) == exported | refused | harmless


@pytest.mark.parametrize("end_token", [-1, 50])
def test_an_end_token_that_is_none(tmp_path, end_token):
    with pytest.raises(InterchangeError, match=f"end_token is {end_token}, but the ids go from 0 to 49"):
        save_llama(make_model(), tmp_path / "model", end_token=end_token)


YARN = {"rope_type": "yarn", "factor": 4.0}
PARTIAL = {"rope_type": "default", "partial_rotary_factor": 0.5}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "mistral"}, "model_type is 'mistral', but only models with 'llama'"),
        ({"model_type": None}, "names no model_type"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "architectures is .*Classification"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu', but only models with 'silu'"),
        ({"attention_bias": True}, "attention_bias is True, but only models with False"),
        ({"mlp_bias": True}, "mlp_bias is True"),
        ({"quantization_config": {"bits": 4}}, "quantization_config is {'bits': 4}"),
        ({"head_dim": 16}, "head_dim is 16, but here it must be .* 32 / 4"),
        ({"rope_parameters": YARN}, "rope_parameters has rope_type = 'yarn'"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling has rope_type = 'linear'"),
        ({"rope_scaling": "linear"}, "rope_scaling is 'linear': it must be an object"),
        ({"rope_parameters": PARTIAL}, "rope_parameters has partial_rotary_factor = 0.5"),
        ({"rope_parameters": {"full_attention": {}}}, "rope_parameters has 'full_attention'"),
        ({"rope_theta": 5.0}, r"rope_theta = 5.0 and rope_parameters.rope_theta = 10000.0: remove"),
        ({"rope_theta": "big"}, "rope_theta is 'big', but it must be a number"),
        ({"rms_norm_eps": -1.0}, "model.norm_eps is -1.0"),
        ({"hidden_size": None}, "hidden_size is None, but it must be a whole number"),
        ({"num_hidden_layers": True}, "num_hidden_layers is True"),
        ({"num_key_value_heads": 3}, "model.num_heads = 4 cannot be grouped onto 3"),
        ({"num_hidden_layers": 10**12}, "has 21 tensors, too few for num_hidden_layers = 1000000000000"),
        ({"num_hidden_layers": 3}, r"lacks 9 of 30 tensors: model\.layers\.2\.input_layernorm\.weight \[32\], .* …"),
        ({"num_hidden_layers": 1}, r"has 9 tensors that config\.json does not ask for: model\.layers\.1\.input"),
        ({"tie_word_embeddings": "yes"}, "model.tie_embeddings is 'yes': give true or false"),
        ({"intermediate_size": 40}, r"mlp\.gate_proj\.weight has the shape \[48, 32\], but config\.json .* \[40, 32\]"),
    ],
)
def test_a_config_that_is_refused(exported, change, message):
    _, folder = exported
    edit(folder, **change)
    with pytest.raises(InterchangeError, match=message):
        load_llama(folder)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: edit_tensors(folder, "model.norm.weight"),
            r"lacks 1 of 21 tensors: model\.norm\.weight \[32\]",
        ),
        (
            lambda folder: edit_tensors(folder, model__layers__0__self_attn__q_proj__bias=torch.ones(32)),
            r"has 1 tensors .*: model\.layers\.0\.self_attn\.q_proj\.bias \[32\]",
        ),
        (
            lambda folder: edit_tensors(folder, model__norm__weight=torch.ones(32, dtype=torch.int8)),
            r"model\.norm\.weight is I8, but only BF16, F16, F32",
        ),
        (
            lambda folder: edit_tensors(folder, model__norm__weight=torch.full((32,), torch.nan)),
            r"model\.norm\.weight holds infinity or NaN",
        ),
        (lambda folder: cut(folder / "model.safetensors"), "model.safetensors is truncated or damaged"),
        (lambda folder: (folder / "model.safetensors").unlink(), f"has neither model.safetensors nor {INDEX}"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: cut(folder / "config.json"), "config.json is not valid JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "config.json holds no JSON object"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "pytorch_model.bin is a pickle, which is never opened",
        ),
    ],
)
def test_a_folder_that_is_damaged(exported, spoil, message):
    _, folder = exported
    spoil(folder)
    with pytest.raises(InterchangeError, match=message):
        load_llama(folder)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder, index: sorted(folder.glob("*.safetensors"))[1].unlink(), "00002-of-.* is missing"),
        (lambda folder, index: index.clear(), "has no weight_map"),
        (lambda folder, index: index["weight_map"].update(x="../x.safetensors"), "only files beside it are read"),
        (lambda folder, index: index["weight_map"].update(x=5), "names the file 5"),
        (lambda folder, index: index["weight_map"].update(x=next(iter(index["weight_map"].values()))), "lacks x"),
        (lambda folder, index: index["weight_map"].pop("model.embed_tokens.weight"), "has neither|is missing|unlike"),
        (lambda folder, index: index["weight_map"].pop("model.layers.0.input_layernorm.weight"), "holds .*, unlike"),
    ],
)
def test_an_index_that_does_not_tell_the_truth(tmp_path, spoil, message):
    folder = tmp_path / "model"
    save_llama(make_model(), folder, max_shard_bytes=10_000)
    index = json.loads((folder / INDEX).read_text())
    spoil(folder, index)
    (folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(InterchangeError, match=message):
        load_llama(folder)


def test_no_folder(tmp_path):
    with pytest.raises(InterchangeError, match="nowhere is not a folder"):
        load_llama(tmp_path / "nowhere")


def cut(path):
    path.write_bytes(path.read_bytes()[:-50])
