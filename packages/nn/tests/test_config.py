import dataclasses

import pytest

from nn import ModelConfig


def test_the_defaults_are_the_base_model():
    config = ModelConfig()
    assert (config.vocab_size, config.context_length, config.d_model) == (10_000, 256, 512)
    assert (config.num_layers, config.num_heads, config.kv_heads, config.d_head) == (4, 16, 16, 32)
    assert (config.norm, config.position, config.ffn, config.tie_embeddings) == ("pre", "rope", "swiglu", False)
    assert config.feedforward_width == 1344


def test_further_options_are_off():
    config = ModelConfig()
    for option in ("qk_norm", "value_residual", "embedding_shortcut", "embedding_norm", "zero_init_outputs"):
        assert getattr(config, option) is False
    assert config.value_embeddings is False
    assert config.window is config.separator_token is config.logit_soft_cap is None
    assert config.attention == "auto"
    assert config.norm_gains is True
    assert (config.init, config.qk_scale, config.ffn_init_scale) == ("truncated_normal", 1.0, 1.0)
    assert config.embedding_std is config.head_std is None


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="unexpected keyword argument 'qk_layernorm'"):
        ModelConfig(qk_layernorm=True)


@pytest.mark.parametrize(
    ("ffn", "d_model", "width"),
    [("swiglu", 512, 1344), ("swiglu", 16, 64), ("swiglu", 768, 2048), ("silu", 512, 2048), ("relu2", 100, 400)],
)
def test_the_default_feedforward_width(ffn, d_model, width):
    assert ModelConfig(d_model=d_model, num_heads=2, ffn=ffn).feedforward_width == width


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocab_size": 0}, "model.vocab_size is 0: it must be at least 1"),
        ({"context_length": -1}, "model.context_length is -1"),
        ({"num_layers": 0}, "model.num_layers is 0"),
        ({"num_kv_heads": 0}, "model.num_kv_heads is 0"),
        ({"d_ff": 0}, "model.d_ff is 0"),
        ({"num_heads": 7}, "d_model = 512 is not divisible by model.num_heads = 7: make model.num_heads a divisor"),
        ({"num_kv_heads": 3}, "num_heads = 16 is not divisible by model.num_kv_heads = 3"),
        ({"d_model": 48, "num_heads": 16}, "the odd width 3"),
        ({"norm": "layer"}, "model.norm is 'layer': choose one of pre, post, none"),
        ({"position": "learned"}, "model.position is 'learned': choose one of rope, none"),
        ({"ffn": "gelu"}, "model.ffn is 'gelu': choose one of swiglu, silu, relu2"),
        ({"rope_theta": 0.0}, "model.rope_theta is 0.0: it must be a finite number above 0"),
        ({"rope_theta": float("nan")}, "model.rope_theta is nan"),
        ({"norm_eps": 0.0}, "model.norm_eps is 0.0"),
        ({"window": 0}, "model.window is 0: it must be at least 1, or null"),
        ({"num_layers": 2.5}, "model.num_layers is 2.5: give an integer"),
        ({"d_ff": True}, "model.d_ff is True: give an integer or null"),
        ({"qk_norm": "yes"}, "model.qk_norm is 'yes': give true or false"),
        ({"logit_soft_cap": 0.0}, "model.logit_soft_cap is 0.0: it must be a finite number above 0"),
        ({"logit_soft_cap": float("inf")}, "model.logit_soft_cap is inf"),
        ({"separator_token": 10_000}, "model.separator_token is 10000, which is not an id of a vocabulary of 10000"),
        ({"norm_gains": 0}, "model.norm_gains is 0: give true or false"),
        ({"init": "orthogonal"}, "model.init is 'orthogonal': choose one of truncated_normal, uniform"),
        ({"qk_scale": 0.0}, "model.qk_scale is 0.0: it must be a finite number above 0"),
        ({"ffn_init_scale": -1.0}, "model.ffn_init_scale is -1.0"),
        ({"embedding_std": 0.0}, "model.embedding_std is 0.0"),
        (
            {"shortcut_embedding_start": (0.2, float("nan"))},
            r"model.shortcut_embedding_start is \(0.2, nan\): give two",
        ),
        ({"head_std": 0.1, "tie_embeddings": True}, "the embedding is the LM head: give model.embedding_std instead"),
        ({"attention": "flash"}, "model.attention is 'flash': choose one of auto, einx, fused, flex"),
    ],
)
def test_what_cannot_be_built_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**settings)


@pytest.mark.parametrize(("num_layers", "layers"), [(1, (0,)), (2, (1,)), (3, (0, 2)), (6, (1, 3, 5))])
def test_every_other_layer_up_to_the_last_has_value_embeddings(num_layers, layers):
    assert ModelConfig(num_layers=num_layers, value_embeddings=True).value_embedding_layers == layers
    assert ModelConfig(num_layers=num_layers).value_embedding_layers == ()


def test_heads_of_odd_width_are_allowed_without_rotation():
    assert ModelConfig(d_model=48, num_heads=16, position="none").d_head == 3


def test_it_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().d_model = 3
