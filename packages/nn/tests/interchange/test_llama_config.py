from dataclasses import replace

import pytest
from llama_folders import TINY, edit

from nn import ModelConfig, TransformerLM
from nn.interchange import InterchangeError, load_llama, save_llama


def test_the_spelling_of_version_4(exported):
    model, folder = exported
    edit(folder, "rope_parameters", "head_dim", "dtype", "bos_token_id", rope_theta=77.0, rope_scaling=None)
    assert load_llama(folder).config == replace(model.config, rope_theta=77.0, num_kv_heads=4)


def test_the_spelling_of_version_5(exported):
    model, folder = exported
    edit(folder, "rope_theta", "torch_dtype", rope_parameters={"rope_type": "default", "rope_theta": 77})
    assert load_llama(folder).config == replace(model.config, rope_theta=77.0, num_kv_heads=4)


def test_missing_fields_have_llamas_defaults(exported):
    _, folder = exported
    edit(
        folder,
        *("rope_theta", "rope_parameters", "rms_norm_eps", "max_position_embeddings", "num_key_value_heads"),
        *("hidden_act", "tie_word_embeddings", "attention_bias", "mlp_bias"),
    )
    config = load_llama(folder).config
    assert (config.rope_theta, config.norm_eps, config.context_length, config.kv_heads) == (10_000.0, 1e-6, 2048, 4)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"norm": "post"}, "model.norm is 'post', which Llama does not support: .* trained with 'pre'"),
        ({"norm": "none"}, "model.norm is 'none'"),
        ({"position": "none"}, "model.position is 'none', .* with 'rope'"),
        ({"ffn": "relu2"}, "model.ffn is 'relu2', .* with 'swiglu'"),
        ({"ffn": "silu"}, "model.ffn is 'silu'"),
        ({"norm_gains": False}, "model.norm_gains is False, which Llama does not support: .* trained with True"),
        ({"qk_scale": 1.44}, "model.qk_scale is 1.44, .* with 1.0"),
        ({"qk_norm": True}, "model.qk_norm is on, .* without it"),
        ({"value_residual": True}, "model.value_residual is on"),
        ({"value_embeddings": True}, "model.value_embeddings is on"),
        ({"embedding_shortcut": True}, "model.embedding_shortcut is on"),
        ({"embedding_norm": True}, "model.embedding_norm is on"),
        ({"logit_soft_cap": 15.0}, "model.logit_soft_cap is 15.0, .* Set it to null"),
        ({"window": 15}, "model.window is 15, but Llama attends to its whole context of 16"),
        ({"separator_token": 0}, "model.separator_token is 0, .* set it to null"),
    ],
)
def test_options_that_llama_does_not_have_are_refused(tmp_path, fields, message):
    with pytest.raises(InterchangeError, match=message):
        save_llama(TransformerLM(replace(TINY, **fields)), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_every_field_that_changes_the_equations_is_known():
    """A new field must be exported, refused, or listed here as harmless."""
    exported = {"vocab_size", "context_length", "d_model", "num_layers", "num_heads", "num_kv_heads", "d_ff"}
    exported |= {"rope_theta", "norm_eps", "tie_embeddings"}
    refused = {"norm", "position", "ffn", "window", "separator_token", "qk_norm", "value_residual"}
    refused |= {"embedding_shortcut", "embedding_norm", "logit_soft_cap", "norm_gains", "qk_scale", "value_embeddings"}
    harmless = {
        "zero_init_outputs",
        "init",
        "ffn_init_scale",
        "embedding_std",
        "head_std",
        "shortcut_stream_start",
        "shortcut_embedding_start",
        "attention",
    }  # initial values, and what computes attention
    assert set(ModelConfig.__dataclass_fields__) == exported | refused | harmless


YARN = {"rope_type": "yarn", "factor": 4.0}
PARTIAL = {"rope_type": "default", "partial_rotary_factor": 0.5}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "mistral"}, "model_type is 'mistral', but only models with 'llama'"),
        ({"model_type": None}, "has no model_type, so it is not a model of transformers"),
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
        ({"hidden_size": None}, "hidden_size is None, but it must be an integer"),
        ({"num_hidden_layers": True}, "num_hidden_layers is True"),
        ({"num_key_value_heads": 3}, "model.num_heads = 4 is not divisible by model.num_kv_heads = 3"),
        ({"num_hidden_layers": 10**12}, "has 21 tensors, too few for num_hidden_layers = 1000000000000"),
        (
            {"num_hidden_layers": 3},
            r"has 9 of 30 tensors missing: model\.layers\.2\.input_layernorm.weight \[32\], .* …",
        ),
        ({"num_hidden_layers": 1}, r"has 9 unexpected tensors, by its config\.json: model\.layers\.1\.input"),
        ({"tie_word_embeddings": "yes"}, "model.tie_embeddings is 'yes': give true or false"),
        (
            {"intermediate_size": 40},
            r"gate_proj\.weight has the shape \[48, 32\], but by config\.json it is \[40, 32\]",
        ),
    ],
)
def test_other_models_are_refused(exported, change, message):
    _, folder = exported
    edit(folder, **change)
    with pytest.raises(InterchangeError, match=message):
        load_llama(folder)
