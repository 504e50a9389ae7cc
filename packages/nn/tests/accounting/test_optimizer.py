import pytest
from configurations import config_of

from nn.accounting import count_parameters, optimizer_values


def test_the_state_of_each_optimizer():
    config = config_of({})
    count = count_parameters(config)
    assert optimizer_values(config, "adamw") == 2 * count.total
    assert optimizer_values(config, "sgd") == 0
    assert optimizer_values(config, "muon") == count.hidden_matrices + 2 * (count.total - count.hidden_matrices)


def test_an_unknown_optimizer_is_refused(unchecked):
    with pytest.raises(ValueError, match="optimizer is 'adam': choose one of adamw, muon, sgd"):
        optimizer_values(config_of({}), "adam")
