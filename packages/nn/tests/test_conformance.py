"""What every model must do, whatever its options are."""

import itertools

import pytest
import torch
from configurations import CONTEXT, OPTIONS, ROWS, build, config_of, covering_array, name_of, some_ids

from nn import TransformerLM, attention_backends, generate
from nn.decoding import Decoder

every_configuration = pytest.mark.parametrize("row", covering_array(), ids=name_of)


@every_configuration
def test_it_learns(row):
    """From its initial weights: thirty steps on one batch."""
    model = TransformerLM(config_of(row), generator=torch.Generator().manual_seed(1))
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    inputs, targets = some_ids(ROWS, CONTEXT), some_ids(ROWS, CONTEXT, seed=1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        loss = model.loss(inputs, targets)
        optimizer.zero_grad()
        loss.backward()
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    unmoved = {name for name, parameter in model.named_parameters() if torch.equal(parameter, before[name])}
    if model.config.window == 1:  # each token attends to itself only, so queries and keys have no effect
        unmoved = {name for name in unmoved if ".q_" not in name and ".k_" not in name}
    assert unmoved == set()


@every_configuration
def test_each_token_attends_to_what_it_should(row):
    """By the gradient of each hidden state: no later position, none outside the window, none of another document."""
    model = build(row, num_layers=1, embedding_norm=False)
    ids = some_ids(1, CONTEXT)
    ids[0, [0, 6]] = 3
    ids[0, 7:] = torch.where(ids[0, 7:] == 3, 4, ids[0, 7:])
    embedded = model.embedding(ids).detach().requires_grad_()
    model.embedding.forward = lambda _: embedded
    hidden = model.hidden_states(ids)
    for t in range(CONTEXT):
        (gradient,) = torch.autograd.grad(hidden[0, t].square().sum() + hidden[0, t, 0], embedded, retain_graph=True)
        seen = set(gradient[0].abs().sum(-1).nonzero().flatten().tolist())
        config = model.config
        start = 0 if config.window is None else max(0, t - config.window + 1)
        if config.separator_token is not None:
            start = max(start, max(i for i in range(t + 1) if i == 0 or ids[0, i] == 3))
        assert seen == set(range(start, t + 1))


@every_configuration
def test_the_loss_is_that_of_its_logits(row):
    model = build(row)
    inputs, targets = some_ids(ROWS, CONTEXT), some_ids(ROWS, CONTEXT, seed=1)
    logits = model(inputs)
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(model.loss(inputs, targets), expected)
    if model.config.logit_soft_cap is not None:
        assert logits.abs().max() <= model.config.logit_soft_cap


@every_configuration
@pytest.mark.parametrize("compile", ["off", "record"])
def test_a_cache_does_not_change_the_logits(row, compile):
    """At every position, with rows of different lengths."""
    model = build(row)
    ids = some_ids(ROWS, CONTEXT)
    full = model(ids).detach()
    lengths = [1, 4, 9]
    decoder = Decoder(model, ROWS, compile=compile)
    logits = decoder.read([row_ids[:length] for row_ids, length in zip(ids.tolist(), lengths, strict=True)])
    while True:
        for index, length in enumerate(lengths):
            torch.testing.assert_close(logits[index], full[index, length - 1], rtol=2e-4, atol=2e-5)
        if min(lengths) == CONTEXT:
            break
        # Rows that have ended are computed too, and read again afterwards.
        places = torch.tensor([min(length, CONTEXT - 1) for length in lengths])
        logits = decoder.step(ids[torch.arange(ROWS), places], places)
        for index in [index for index, length in enumerate(lengths) if length == CONTEXT]:
            logits[index] = decoder.read_row(index, ids[index].tolist())
        lengths = [min(length + 1, CONTEXT) for length in lengths]
    assert lengths == [CONTEXT] * ROWS


@every_configuration
def test_the_back_ends_agree(row):
    """In value and in every gradient; in bfloat16 as far as its precision allows."""
    definition, fused = build(row, attention="einx"), build(row, attention="fused")
    inputs, targets = some_ids(ROWS, CONTEXT), some_ids(ROWS, CONTEXT, seed=1)
    torch.testing.assert_close(fused(inputs), definition(inputs), rtol=1e-4, atol=1e-5)
    for model in (definition, fused):
        model.loss(inputs, targets).backward()
    for (name, expected), parameter in zip(definition.named_parameters(), fused.parameters(), strict=True):
        torch.testing.assert_close(
            parameter.grad, expected.grad, rtol=1e-3, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )
    exact = definition(inputs)
    scale = exact.std()
    for model in (definition, fused):
        narrow = model.to(torch.bfloat16)(inputs).float()
        assert ((narrow - exact).square().mean().sqrt() / scale).item() < 0.05


def test_the_configurations_cover_all_pairs_and_are_few():
    rows = covering_array()
    assert len(rows) < 24
    for a, b in itertools.combinations(OPTIONS, 2):
        assert {(row[a], row[b]) for row in rows} == set(itertools.product(OPTIONS[a], OPTIONS[b]))


@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("separator_token", [None, 3])
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flex_attention_agrees_where_torch_has_it(window, separator_token, monkeypatch):
    """On a CPU that is the forward pass only. Compiling takes long, so only the most general case does."""
    if window is None or separator_token is None:
        monkeypatch.setattr(attention_backends, "_compiled_flex_attention", lambda: attention_backends.flex_attention)
    changes = {"window": window, "separator_token": separator_token, "num_kv_heads": 2}
    flex, definition = (build({}, attention=backend, **changes) for backend in ("flex", "einx"))
    ids = some_ids(ROWS, CONTEXT)
    with torch.no_grad():
        torch.testing.assert_close(flex(ids), definition(ids), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(flex(ids), definition(ids), rtol=1e-4, atol=1e-5)  # with gradients, the fused kernel


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch supports training with flex attention on GPUs only")
@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("separator_token", [None, 3])
def test_flex_attention_trains_on_gpus(window, separator_token):
    changes = {"window": window, "separator_token": separator_token, "d_model": 64}
    models = [build({}, attention=backend, **changes).cuda() for backend in ("flex", "einx")]
    inputs, targets = some_ids(ROWS, CONTEXT).cuda(), some_ids(ROWS, CONTEXT, seed=1).cuda()
    for model in models:
        model.loss(inputs, targets).backward()
    for ours, theirs in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-2, atol=1e-4)


def test_generation_is_the_same_with_and_without_recording():
    for row in covering_array()[:2]:  # the base, and nearly all options at once
        model = build(row)
        texts = [
            list(generate(model, [5, 3, 9], 25, generator=torch.Generator().manual_seed(7), compile=compile))
            for compile in ("off", "record")
        ]
        assert texts[0] == texts[1]
