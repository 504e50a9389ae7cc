"""The fast implementations of AdamW's update, against the definition."""

import copy
import shutil

import pytest
import torch
from torch.nn import Parameter

from optim import AdamW
from optim.adamw import update_parameter
from optim.adamw_fast import update_together
from optim.one_pass import AT_ONCE, missing_compiler

needs_a_compiler = pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="compiles C++")
SHAPES = [(40, 16), (7,), (), (2, 3, 4), (0,)]


def updates_apart_and_together(implementation, dtype, steps=4):
    """Parameters and moments after the same few updates by the definition and by another implementation."""
    results = []
    for together in (False, True):
        generator = torch.Generator().manual_seed(3)
        params = [Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in SHAPES]
        moments = [{name: torch.zeros_like(p) for name in ("exp_avg", "exp_avg_sq")} for p in params]
        state = {parameter: {"step": 0, **own} for parameter, own in zip(params, moments, strict=True)}
        for step in range(steps):
            group = {"lr": 0.02 / (1 + step), "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.1}
            for parameter, own in state.items():
                parameter.grad = torch.randn(parameter.shape, generator=generator).to(dtype)
                own["step"] += 1
            with torch.no_grad():
                if together:
                    update_together(implementation, params, state, group)
                else:
                    for parameter, own in state.items():
                        update_parameter(parameter, parameter.grad, own, group)
        results.append([*params, *(tensor for own in moments for tensor in own.values())])
    return results


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_foreach_gives_the_bits_of_the_definition(dtype):
    one, other = updates_apart_and_together("foreach", dtype)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_foreach_in_bfloat16_differs_by_rounding():
    one, other = updates_apart_and_together("foreach", torch.bfloat16)
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=2**-6, atol=2**-8)


@needs_a_compiler
def test_compiled_gives_the_same_up_to_rounding():
    one, other = updates_apart_and_together("compiled", torch.float32)
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-6, atol=2e-7)


# --- through the optimizer ------------------------------------------------------------------------------------------


def train_twice(implementation, shapes, dtype=torch.float32, steps=4):
    """Parameters and states after the same few steps by the definition and by another implementation."""
    results = []
    for chosen in ("loop", implementation):
        generator = torch.Generator().manual_seed(3)
        params = [Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in shapes]
        groups = [{"params": params[:2]}, {"params": params[2:], "lr": 0.3, "weight_decay": 0.0, "betas": (0.5, 0.6)}]
        optimizer = AdamW(groups, lr=0.02, weight_decay=0.1, implementation=chosen)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = 0.02 / (1 + step)
            for i, parameter in enumerate(params):
                gradient = torch.randn(parameter.shape, generator=generator).to(dtype)
                parameter.grad = None if (i, step) == (1, 0) else gradient  # one parameter is an update behind
            optimizer.step()
        states = [optimizer.state[parameter] for parameter in params]
        results.append([*params, *(state[name] for state in states for name in ("exp_avg", "exp_avg_sq"))])
        assert [state["step"] for state in states] == [4, 3, *[4] * (len(shapes) - 2)]
    return results


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("implementation", ["auto", "foreach"])
def test_auto_and_foreach_give_the_bits_of_loop_on_a_cpu(implementation, dtype):
    one, other = train_twice(implementation, SHAPES, dtype)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@needs_a_compiler
def test_compiled_handles_groups_and_parameters_that_are_behind():
    one, other = train_twice("compiled", [(7, 5)] * 3)  # always one parameter of one shape, so compiled only once
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-6, atol=2e-7)


@needs_a_compiler
def test_compiled_updates_parameters_together_and_alone_alike():
    params = [Parameter(torch.ones(4, 8)) for _ in range(AT_ONCE + 1)]
    for parameter in params:
        parameter.grad = torch.ones(4, 8)
    AdamW(params, lr=0.1, implementation="compiled").step()
    assert all(torch.equal(parameter, params[0]) for parameter in params)
    assert (params[0] < 1).all()


@needs_a_compiler
def test_compiled_handles_parameters_and_gradients_that_are_not_contiguous():
    params = [Parameter(torch.ones(7, 5)), Parameter(torch.ones(5, 7).T)]
    for parameter in params:
        parameter.grad = torch.ones(()).expand(7, 5)
    AdamW(params, lr=0.1, implementation="compiled").step()
    torch.testing.assert_close(*params)


@needs_a_compiler
def test_a_backward_pass_through_weights_that_compiled_has_changed_is_refused():
    parameter = Parameter(torch.ones(7, 5))
    loss = (parameter**2).sum()
    loss.backward(retain_graph=True)
    AdamW([parameter], implementation="compiled").step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@needs_a_compiler
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_compiled_updates_other_types_as_auto_does(dtype):
    one, other = train_twice("compiled", SHAPES, dtype)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_unknown_implementations_are_refused():
    with pytest.raises(ValueError, match="implementation is 'fused', but the known ones are auto, loop, foreach"):
        AdamW([Parameter(torch.ones(1))], implementation="fused")


def test_compiled_needs_a_compiler(monkeypatch):
    monkeypatch.setattr("optim.one_pass.shutil.which", lambda name: None)
    with pytest.raises(ValueError, match="no C\\+\\+ compiler is found: install g\\+\\+, or choose 'auto'"):
        AdamW([Parameter(torch.ones(1))], implementation="compiled")


@pytest.mark.parametrize("found", [True, False])
def test_the_compiler_for_gpus_is_triton(monkeypatch, found):
    monkeypatch.setattr("optim.one_pass.shutil.which", lambda name: None)
    monkeypatch.setattr("optim.one_pass.find_spec", lambda name: object() if found else None)
    missing = missing_compiler([torch.device("cuda", 0), torch.device("cuda", 1)])
    assert missing == (None if found else "the package triton, which compiles for cuda, is not found: install it")


def compile_without_generating_code(monkeypatch):
    """Have updates traced as for any compiler, and return the list of the graphs that result."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = {}
    monkeypatch.setattr(
        "optim.one_pass._compile",
        lambda update: compiled.setdefault(
            update, torch.compile(update, dynamic=True, fullgraph=True, backend=backend)
        ),
    )
    return graphs


def language_model(width, layers):
    """The shapes of the parameters of a model with tied embedding."""
    block = [(width, width)] * 4 + [(3 * width, width)] * 2 + [(width, 3 * width)] + [(width,)] * 2
    return [(100, width), *block * layers, (width,)]


def test_a_model_compiles_two_functions_whatever_its_size(monkeypatch):
    torch.compiler.reset()
    graphs = compile_without_generating_code(monkeypatch)
    for width, layers in ((32, 3), (48, 2)):
        params = [Parameter(torch.ones(shape)) for shape in language_model(width, layers)]
        for parameter in params:
            parameter.grad = torch.ones_like(parameter)
        optimizer = AdamW(params, lr=0.1, implementation="compiled")
        optimizer.step()
        optimizer.step()
    assert len(graphs) == 2  # for AT_ONCE tensors, and for one


def test_a_copied_optimizer_can_step():
    optimizer = copy.deepcopy(AdamW([Parameter(torch.ones(2))], implementation="foreach"))
    copied = optimizer.param_groups[0]["params"][0]
    copied.grad = torch.ones(2)
    optimizer.step()
    assert copied[0] < 1
