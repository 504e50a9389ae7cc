import pytest
import torch

from trainer.checkpoints.tensor_names import plain_names


def test_what_torch_compile_and_data_parallelism_add_is_taken_away():
    model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))
    expected = list(model.state_dict())
    assert list(plain_names(model.state_dict()).values()) == expected
    part = torch.nn.Sequential(torch.compile(model[0]), model[1])
    assert list(part.state_dict()) != expected
    for wrapped in (part, torch.compile(model), torch.compile(part), torch.nn.DataParallel(torch.compile(part))):
        assert list(plain_names(wrapped.state_dict()).values()) == expected


def test_a_part_may_be_called_module():
    names = ["module.weight", "head.weight", "head.module.bias", "my_orig_mod.x"]
    assert plain_names(names) == {name: name for name in names}


def test_two_of_a_name_are_refused():
    with pytest.raises(ValueError, match="have the same name but for what wrappers add"):
        plain_names(["a._orig_mod.x", "a.x"])
