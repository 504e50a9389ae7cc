"""Parameters, against published figures and the modules themselves."""

from configurations import gpt2
from hypothesis import given, strategies as st

from nn import ModelConfig, TransformerLM
from nn.accounting import count_parameters

OPTIONS = st.fixed_dictionaries(
    {
        "norm": st.sampled_from(["pre", "post", "none"]),
        "position": st.sampled_from(["rope", "none"]),
        "ffn": st.sampled_from(["swiglu", "silu", "relu2"]),
        "num_kv_heads": st.sampled_from([None, 1, 2]),
        "d_ff": st.none() | st.integers(1, 50),
        "num_layers": st.integers(1, 3),
        "tie_embeddings": st.booleans(),
        "qk_norm": st.booleans(),
        "value_residual": st.booleans(),
        "value_embeddings": st.booleans(),
        "embedding_shortcut": st.booleans(),
        "embedding_norm": st.booleans(),
        "norm_gains": st.booleans(),
        "zero_init_outputs": st.booleans(),
    }
)


def test_gpt2_xl_has_the_published_number():
    assert count_parameters(gpt2("xl")).total == 1_635_537_600
    assert 4 * count_parameters(gpt2("xl")).total == 6_542_150_400


@given(OPTIONS)
def test_the_count_equals_that_of_the_module(options):
    config = ModelConfig(vocab_size=31, context_length=8, d_model=16, num_heads=4, **options)
    count = count_parameters(config)
    model = TransformerLM(config, device="meta")
    assert count.total == model.num_parameters()
    assert count.total - count.embedding == model.num_parameters(embedding=False)
    inside = [
        p.numel() for name, p in model.named_parameters() if "blocks" in name and p.ndim == 2 and "gate" not in name
    ]
    assert count.hidden_matrices == sum(inside)
