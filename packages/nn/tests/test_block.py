import pytest
import torch
from configurations import CONTEXT, ROWS, config_of, covering_array, name_of, some_ids

from nn import TransformerBlock, TransformerLM, causal_attention, number_documents


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
def test_the_equations(norm):
    block = TransformerBlock(config_of({}, norm=norm))
    attention, ffn = block.attention, block.feedforward
    x = torch.randn(2, 5, 16)
    if norm == "pre":
        z = x + attention(block.attention_norm(x))
        y = z + ffn(block.feedforward_norm(z))
    elif norm == "post":
        z = block.attention_norm(x + attention(x))
        y = block.feedforward_norm(z + ffn(z))
    else:
        z = x + attention(x)
        y = z + ffn(z)
    assert torch.equal(block(x), y)


@pytest.mark.parametrize("row", covering_array(), ids=name_of)
def test_blocks_made_alone_compute_what_the_model_computes(row):
    """Each block does all that its configuration says, with nothing from the model but its weights."""
    config = config_of(row)
    model = TransformerLM(config, generator=torch.Generator().manual_seed(1))
    ids = some_ids(ROWS, CONTEXT)
    hidden = model.embedding(ids)
    if config.embedding_norm:
        hidden = model.embedding_norm(hidden)
    embedding, attend = hidden, None
    if config.separator_token is not None:
        documents = number_documents(ids, config.separator_token)
        attend = causal_attention(config.attention, CONTEXT, ids.device, window=config.window, documents=documents)
    first_values = None
    for layer in range(config.num_layers):
        block = TransformerBlock(config, layer=layer)
        block.load_state_dict(model.blocks[layer].state_dict())
        given = {"attend": attend, "embedding": embedding, "first_values": first_values}
        if layer in config.value_embedding_layers:
            table = model.value_embeddings[config.value_embedding_layers.index(layer)]
            given["embedded_values"] = table(ids)
        hidden, values = block(hidden, **given, return_values=True)
        first_values = values if first_values is None else first_values
    if config.norm != "none":
        hidden = model.final_norm(hidden)
    torch.testing.assert_close(hidden, model.hidden_states(ids), rtol=0, atol=0)


def test_rope_turns_positions_and_none_does_not():
    x = torch.randn(2, 6, 16)
    rotating = TransformerBlock(config_of({}))
    assert not torch.allclose(rotating(x), rotating(x, 3 * torch.arange(6)), atol=1e-3)
    plain = TransformerBlock(config_of({"position": "none"}), rotating.attention.rope)
    assert torch.equal(plain(x), plain(x, 3 * torch.arange(6)))
    assert rotating.state_dict().keys() == plain.state_dict().keys()


def test_the_blocks_of_a_model_share_one_table_of_angles():
    tables = {id(block.attention.rope) for block in TransformerLM(config_of({})).blocks}
    assert len(tables) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"separator_token": 3}, r"model\.separator_token is 3, but a block does not know the ids: pass attend="),
        ({"embedding_shortcut": True}, "model.embedding_shortcut is on: pass embedding"),
        ({"value_residual": True}, "pass first_values"),
        ({"value_embeddings": True}, "pass embedded_values"),
    ],
)
def test_what_a_block_needs_and_is_not_given(changes, message):
    x = torch.randn(2, 6, 16)
    with pytest.raises(ValueError, match=message):
        TransformerBlock(config_of(changes), layer=1)(x)
    if "separator_token" not in changes:
        TransformerBlock(config_of(changes))(x)  # the first block needs neither
