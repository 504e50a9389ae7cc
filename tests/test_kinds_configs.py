"""The experiments that do not train: their files name settings that their kinds accept, at every scale."""

import importlib

import pytest
import yaml

from experimentation.kind_settings import read_settings

from .conftest import ROOT

EXPERIMENTS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in ROOT.glob("configs/experiments/*.yaml")}
NAMES = sorted(name for name, experiment in EXPERIMENTS.items() if experiment["kind"] != "training")


def members(name, scale):
    """The settings of each member at a scale, as the keys of the scale replace those of the experiment."""
    experiment = EXPERIMENTS[name]
    experiment = {**experiment, **experiment.get("scales", {}).get(scale, {})}
    return {member: {**experiment.get("base", {}), **own} for member, own in experiment["members"].items()}


def test_each_kind_has_an_experiment():
    folder = ROOT / "apps" / "experimentation" / "kinds"
    kinds = {path.stem for path in folder.glob("*.py")} - {"__init__", "training"}
    assert kinds == {EXPERIMENTS[name]["kind"] for name in NAMES}


@pytest.mark.parametrize("scale", ["smoke", "cpu", "gpu"])
@pytest.mark.parametrize("name", NAMES)
def test_all_settings_are_accepted(name, scale):
    kind = importlib.import_module(f"experimentation.kinds.{EXPERIMENTS[name]['kind']}")
    for settings in members(name, scale).values():
        read = read_settings(kind.Settings, settings)
        assert all(_value(read, key) is not None for key in settings)


@pytest.mark.parametrize("name", NAMES)
def test_figures_reported_elsewhere_belong_to_a_member(name):
    reported = EXPERIMENTS[name].get("reported", {"source": "none"})
    known = set(members(name, "cpu")) | set(members(name, "gpu"))
    assert reported["source"]
    for figures in (figures for key, figures in reported.items() if key != "source"):
        assert figures.keys() <= known
        assert all(isinstance(figure, int | float | str) for figure in figures.values())


def _value(settings, key):
    for name in key.split("."):
        settings = getattr(settings, name)
    return settings
