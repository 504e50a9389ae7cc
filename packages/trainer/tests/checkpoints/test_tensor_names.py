import pytest
import torch

from trainer.checkpoints.tensor_names import plain_names


def test_the_prefixes_of_torch_compile_and_data_parallelism_are_removed():
    model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))
    expected = list(model.state_dict())
    assert list(plain_names(model.state_dict()).values()) == expected
    partial = torch.nn.Sequential(torch.compile(model[0]), model[1])
    assert list(partial.state_dict()) != expected
    for wrapped in (
        partial,
        torch.compile(model),
        torch.compile(partial),
        torch.nn.DataParallel(torch.compile(partial)),
    ):
        assert list(plain_names(wrapped.state_dict()).values()) == expected


def test_a_submodule_may_be_called_module():
    names = ["module.weight", "head.weight", "head.module.bias", "my_orig_mod.x"]
    assert plain_names(names) == {name: name for name in names}


def test_two_tensors_of_the_same_name_are_refused():
    with pytest.raises(ValueError, match="have the same name without the prefixes of wrappers"):
        plain_names(["a._orig_mod.x", "a.x"])
