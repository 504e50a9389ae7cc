"""Fingerprints: equal for members that do the same, different for all others; and wrong settings."""

from pathlib import Path

import pytest

from experimentation.planning import plan
from experimentation.scales import read_scale
from experimentation.table import read_experiments
from experimentation.text_sources import Corpora
from experimentation.workspace import TextSource
from experimentation.yaml_file import TableError

from .experiment_table import BASE, write_table


def text(name, digest):
    return TextSource(name, "given", *([Path(name)] * 5), 300, digest)


CORPORA = Corpora(text("stories", "aaaa"), text("web", "bbbb"))


def planned(tmp_path, experiments, corpora=CORPORA, **scale):
    folder = write_table(tmp_path / "table", experiments, **scale)
    table = read_experiments(folder, "cpu")
    return plan(table, table, read_scale("cpu", folder), corpora)


def prints(tmp_path, members, **changes):
    found = planned(tmp_path, {"base": BASE, "rates": {**BASE, "members": members, **changes}})
    return {each.member.name: each.fingerprint for each in found}


def test_members_with_the_same_effective_settings_share_a_run(tmp_path):
    found = prints(
        tmp_path,
        {
            "written out": {"schedule.max_lr": 0.01, "training.steps": 6},
            "nested": {"schedule": {"max_lr": 1e-2}},
            "as text": {"schedule.max_lr": "1e-2"},
            "a default": {"optimizer.eps": 1e-8},
            "saved more often": {"training.checkpoint_interval": 2, "checkpoints.keep_last": 1},
        },
    )
    assert len(set(found.values())) == 1


def test_all_that_a_result_depends_on_is_in_the_fingerprint(tmp_path):
    found = prints(
        tmp_path,
        {
            "rate": {"schedule.max_lr": 0.02},
            "model": {"model.norm": "post"},
            "steps": {"training.steps": 7},
            "corpus": {"corpus": "other"},
        },
    )
    assert len(set(found.values())) == 5
    seeds = planned(tmp_path / "seeds", {"base": {**BASE, "seeds": [0, 1]}})
    assert len({each.fingerprint for each in seeds}) == 2
    assert [each.title for each in seeds] == ["base base, seed 0", "base base, seed 1"]
    other = Corpora(text("stories", "cccc"), CORPORA.other_text)
    moved = planned(tmp_path / "text", {"base": BASE}, other)
    assert moved[0].fingerprint != found["base"]
    larger = planned(tmp_path / "other", {"base": BASE}, Corpora(CORPORA.text, text("web", "dddd")))
    assert larger[0].fingerprint == found["base"]  # it trains on the first corpus alone


def test_a_kind_that_does_not_train_gets_only_its_own_settings(tmp_path):
    toy = {**BASE, "kind": "tokenizer_training", "base": {"vocab_size": 290}, "members": {"web": {"corpus": "web"}}}
    (member,) = planned(tmp_path, {"toy": toy})
    assert member.settings == {"vocab_size": 290, "corpus": "web"}


def test_what_a_used_run_depends_on_counts_too(tmp_path):
    decoding = {**BASE, "kind": "decoding", "uses": "base"}
    first = planned(tmp_path / "a", {"base": BASE, "decoding": decoding})[1]
    slower = {**BASE, "members": {"base": {"schedule.max_lr": 1e-4}}}
    second = planned(tmp_path / "b", {"base": slower, "decoding": decoding})[1]
    assert first.uses is not None
    assert first.uses.experiment.name == "base"
    assert first.fingerprint != second.fingerprint


def test_the_vocabulary_is_that_of_the_corpus(tmp_path):
    web = {**BASE, "members": {"web": {"corpus": "other"}, "named": {"corpus": "other", "model.vocab_size": 310}}}
    found = planned(tmp_path, {"web": web}, other_vocab_size=310)
    assert found[0].fingerprint == found[1].fingerprint
    wrong = {**BASE, "members": {"web": {"corpus": "other", "model.vocab_size": 999}}}
    with pytest.raises(TableError, match=r"member web: model.vocab_size is 999, but the corpus' tokenizer has 300"):
        planned(tmp_path / "wrong", {"web": wrong})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": {"a": {"schedule.max_rl": 1}}}, "experiment rates, member a: unknown option --schedule.max_rl"),
        ({"members": {"a": {"training.steps": 0}}}, "member a: training.steps is 0: it must be at least 1"),
        ({"members": {"a": {"run.seed": 3}}}, "member a: run.seed is set by the runner: remove it"),
        ({"members": {"a": {"corpus": "third"}}}, "member a: corpus is 'third': choose one of first, other"),
        ({"kind": "trainin"}, "there is no kind of member 'trainin'"),
        ({"kind": "accounting", "members": {"a": {"layers": 3}}}, "experiment rates, member a: "),
        ({"uses": "toy"}, "experiment rates uses toy, which trains no model"),
    ],
)
def test_wrong_settings_are_refused_before_anything_runs(tmp_path, changes, message):
    toy = {**BASE, "kind": "sgd_toy"}
    with pytest.raises(TableError) as caught:
        planned(tmp_path, {"rates": {**BASE, **changes}, "toy": toy})
    assert message in str(caught.value)
