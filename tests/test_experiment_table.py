"""The table of experiments: what is read, and each mistake in one line."""

import re

import pytest
import yaml

from experimentation.findings import FINDINGS
from experimentation.planning import plan
from experimentation.scales import SCALES, read_scale
from experimentation.table import choose, read_experiment, read_experiments
from experimentation.yaml_file import TableError

from .conftest import ROOT
from .experiment_table import BASE, write_table


def read(tmp_path, scale="cpu", **changes):
    path = tmp_path / "rates.yaml"
    path.write_text(yaml.safe_dump({**BASE, **changes}, sort_keys=False))
    return read_experiment(path, scale)


def test_each_member_is_run_with_each_seed_in_order(tmp_path):
    experiment = read(tmp_path, members={"b": {"x": 1}, "a": {}}, seeds=[3, 1])
    runs = [(member.name, member.settings, member.seed) for member in experiment.runs()]
    assert runs == [("b", {"x": 1}, 3), ("b", {"x": 1}, 1), ("a", {}, 3), ("a", {}, 1)]
    assert experiment.name == "rates"


def test_a_scale_replaces_what_it_names(tmp_path):
    scales = {"cpu": {"seeds": [0, 1]}, "smoke": {"members": {"only": {}}}}
    seeds = [read(tmp_path, scale, seeds=[5], scales=scales).seeds for scale in SCALES]
    members = [list(read(tmp_path, scale, scales=scales).members) for scale in SCALES]
    assert seeds == [(5,), (0, 1), (5,)]
    assert members == [["only"], ["base"], ["base"]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"titel": "x"}, "has the unknown key titel: did you mean title?"),
        ({"title": 3}, "title is 3: give text"),
        ({"members": {}}, "members is empty: give at least one"),
        ({"members": {1e-3: {}}}, "members has the key 0.001, which YAML does not read as text: write it in quotes"),
        ({"members": {"a": 3}}, "members.a is 3: give a mapping"),
        ({"seeds": [1, 1]}, r"seeds is \[1, 1\]: give a list of different whole numbers"),
        ({"seeds": [True]}, "a seed is True: give a whole number"),
        ({"alone": "yes please"}, "alone is 'yes please': give true or false"),
        ({"scales": {"large": {}}}, "has the unknown key large: choose from smoke, cpu, gpu"),
        ({"scales": {"cpu": {"kind": "x"}}}, "scales.cpu has the unknown key kind"),
    ],
)
def test_a_mistake_in_a_file_is_one_line_that_names_it(tmp_path, changes, message):
    with pytest.raises(TableError, match=f"rates.yaml.*{message}"):
        read(tmp_path, **changes)


def test_a_missing_key_and_a_key_given_twice(tmp_path):
    path = tmp_path / "rates.yaml"
    path.write_text("title: Rates\n")
    with pytest.raises(TableError, match=r"rates.yaml has no question: add it"):
        read_experiment(path, "cpu")
    path.write_text("title: Rates\ntitle: Other rates\n")
    with pytest.raises(TableError, match="the key title occurs twice"):
        read_experiment(path, "cpu")


def test_an_experiment_uses_one_that_exists(tmp_path):
    write_table(tmp_path / "table", {"decoding": {**BASE, "uses": "basis"}})
    with pytest.raises(TableError, match=r"decoding\.yaml uses basis, which is not an experiment"):
        read_experiments(tmp_path / "table", "cpu")


def test_choosing_by_name(tmp_path):
    table = read_experiments(write_table(tmp_path / "table", {"a": BASE, "b": BASE}), "cpu")
    assert [each.name for each in choose(table, ["b", "a", "b"])] == ["b", "a"]
    assert [each.name for each in choose(table, ["b", "all"])] == ["a", "b"]
    with pytest.raises(TableError, match=r"there is no experiment 'learning': experiments\.py list shows all"):
        choose(table, ["a", "learning"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parallel": 0}, "parallel is 0: give at least 1"),
        ({"threads": "two"}, "threads is 'two': give a whole number"),
        ({"base": {"model": {}}}, "model.vocab_size of base is None: give the number of entries"),
        ({"hours": 3}, "has the unknown key hours"),
    ],
)
def test_a_mistake_in_a_scale(tmp_path, changes, message):
    write_table(tmp_path / "table", {"base": BASE}, **changes)
    with pytest.raises(TableError, match=f"cpu.yaml.*{message}"):
        read_scale("cpu", tmp_path / "table")


def test_settings_of_a_scale_have_dotted_keys(tmp_path):
    scale = read_scale("smoke", write_table(tmp_path / "table", {"base": BASE}))
    assert scale.base["model.d_model"] == 16
    assert scale.vocab_size == 300
    with pytest.raises(TableError, match="there is no scale 'huge': choose one of smoke, cpu, gpu"):
        read_scale("huge", tmp_path / "table")


@pytest.mark.parametrize("scale", SCALES)
def test_the_example_of_the_documentation_is_an_experiment(tmp_path, scale):
    page = (ROOT / "docs" / "experiments.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    name = re.match(r"# configs/experiments/(\w+)\.yaml\n", example)[1]
    path = tmp_path / f"{name}.yaml"
    path.write_text(example, "utf-8")
    experiment = read_experiment(path, scale)
    planned = plan([experiment], [experiment], read_scale(scale), None)
    assert len({each.fingerprint for each in planned}) == len(experiment.members) * len(experiment.seeds)
    assert experiment.finding in FINDINGS
