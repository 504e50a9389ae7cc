"""The check of pronouns and names: nothing to find in the corpus, everything in stories that are broken on purpose."""

import random
import re

import pytest

import check_stories
from stories import generate_story, people
from stories.agreement import Share, check_stories as check_all, check_story

HIS, HERS = (
    {*people.CHILDREN[gender], *people.ANIMALS[gender], *people.ELDERS[gender]} for gender in (people.HE, people.SHE)
)
CHILDREN = [*people.CHILDREN[people.HE], *people.CHILDREN[people.SHE]]
OTHER_GENDER = dict(zip(sorted(HIS), sorted(HERS), strict=True))
OTHER_GENDER |= {hers: his for his, hers in OTHER_GENDER.items()}


@pytest.fixture(scope="module")
def sample() -> list[str]:
    rng = random.Random(17)
    return [generate_story(rng) for _ in range(2000)]


def test_every_story_of_the_corpus_is_consistent(sample):
    assert [text for text in sample if (found := check_story(text)).disagreeing or found.strangers] == []
    assert sum(check_story(text).pronouns for text in sample) > 4 * len(sample)


def test_all_pronouns_disagree_when_the_names_change_gender(sample):
    names = re.compile(rf"\b(?:{'|'.join(OTHER_GENDER)})\b")
    for text in sample[:300]:
        check = check_story(names.sub(lambda match: OTHER_GENDER[match[0]], text))
        assert len(check.disagreeing) == check.pronouns == check_story(text).pronouns


def test_each_single_wrong_pronoun_is_found(sample):
    other = {"he": "she", "him": "her", "his": "her", "himself": "herself", "she": "he", "herself": "himself"}
    checked = 0
    for text in sample[:200]:
        for match in re.finditer(rf"\b(?:{'|'.join(other)})\b", text):
            broken = text[: match.start()] + other[match[0]] + text[match.end() :]
            assert [found.split(" for ")[0] for found in check_story(broken).disagreeing] == [other[match[0]]]
            checked += 1
    assert checked > 400


def test_a_name_out_of_nowhere_is_found(sample):
    for text in sample[:300]:
        (hero,) = {name for name in CHILDREN if re.search(rf"\b{name}\b", text)}
        unknown = next(name for name in CHILDREN if name != hero)
        before, after = text.rsplit(hero, 1)
        assert check_story(before + unknown + after).strangers == (unknown,)


@pytest.mark.parametrize(
    ("text", "disagreeing", "strangers"),
    [
        ("Tom met Lily, a shy girl. She waved.", (), ()),
        ("Tom met Lily, a shy girl. He waved.", ("he for Lily",), ()),
        ("Tom met his friend Lily.", (), ()),
        ("Tom met Lily.", (), ("Lily",)),
        ("Tom met Lily, a shy girl. Then Bruno, a bear, came.", (), ("Bruno",)),
        ("Grandma called Tom. He came.", (), ()),
        ("Grandma called Tom. Mama came.", (), ("Mama",)),
        ("A shy girl named Tom sang. He danced.", ("girl for Tom",), ()),
        ("She sang.", ("she for nobody",), ()),
        ("There was nobody in the theme park, Pippa said.", (), ()),
    ],
)
def test_rules(text, disagreeing, strangers):
    check = check_story(text)
    assert (check.disagreeing, check.strangers) == (disagreeing, strangers)


def test_shares():
    shares = check_all(["Tom sang. He danced.", "Tom sang. She danced.", "Tom met Lily.", "Tom met Lily. He waved."])
    assert (shares.agreeing.hits, shares.introducing.hits, shares.consistent.hits) == (2, 2, 1)
    assert shares.agreeing.count == 4
    with pytest.raises(ValueError, match="no stories"):
        check_all([])


@pytest.mark.parametrize(
    ("hits", "interval"), [(8, (0.4902, 0.9433)), (0, (0.0, 0.2775)), (10, (0.7225, 1.0)), (5, (0.2366, 0.7634))]
)
def test_interval_is_wilsons(hits, interval):
    assert Share(hits, 10).interval == pytest.approx(interval, abs=1e-4)


def test_command(call, trained_run):
    outcome = call(check_stories.main, trained_run, "--num-samples=3")
    assert outcome.code == 0, outcome
    assert outcome.output.startswith("3 stories of ")
    for label in ("agrees with the person named last", "everybody is introduced", "both"):
        assert re.search(rf"{label}: +\d+% \(\d+% to \d+%\)\n", outcome.output)


@pytest.mark.parametrize("option", ["--num-samples=0", "--seed=-1"])
def test_options_out_of_range(call, trained_run, option):
    assert option.split("=")[0] in call(check_stories.main, trained_run, option).one_line_error()
