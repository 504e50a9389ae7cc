"""Tests of the stories' consequences: each story is true to its own events."""

import random
import re
from dataclasses import replace

import pytest

import stories.generator
import stories.plot
from stories import generate_story
from stories.generator import tell_story
from stories.language import NUMBERS
from stories.plots import PLOTS
from stories.side_events import SIDES
from stories.story import Story
from stories.world import Event


def tell(name: str, count: int = 100) -> list[Story]:
    (plot,) = [plot for plot in PLOTS if plot.name == name]
    rng = random.Random(11)
    return [tell_story(plot, rng) for _ in range(count)]


def find_event(story: Story, action: str) -> Event:
    """The one event of that kind."""
    (event,) = [event for event in story.log if event.action == action]
    return event


def order_of(story: Story, *actions: str) -> bool:
    """Whether the events happened once each, in this order."""
    return [event.action for event in story.log if event.action in actions] == list(actions)


# ---------------------------------------------------------------- who is who


@pytest.mark.parametrize("name", ["lie"])
def test_pronouns_are_those_of_the_hero_where_only_the_hero_has_any(name):
    forms = {"he": {"he", "him", "his", "himself"}, "she": {"she", "her", "herself"}}
    for story in tell(name):
        other = forms["she" if story.hero.he == "he" else "he"]
        assert other.isdisjoint(re.findall(r"[a-z]+", story.text.lower())), story.text


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_hero_and_friend_cannot_be_confused(plot):
    for story in tell(plot.name):
        assert story.hero.he != story.friend.he
        assert story.hero.name in story.text
        assert story.hero.trait.word not in plot.barred_traits


# ---------------------------------------------------------------- plots


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_what_happens_changes_how_the_hero_feels(plot):
    for story in tell(plot.name):
        assert story.hero.earlier
        assert story.hero.feeling != story.hero.earlier
        assert story.pending is None
        for mood in re.findall(r"felt (\w+) for the rest|was not (\w+) any more\. (?:He|She) was", story.text):
            assert set(mood) <= {"", story.hero.feeling, story.hero.earlier}


def test_lost_things_are_found_where_they_fell():
    for story in tell("lost"):
        thing = story.items["thing"]
        assert find_event(story, "lose").where == find_event(story, "find").where == thing.spot
        assert order_of(story, "lose", "find")
        assert thing.holder is thing.owner is story.hero
        play, search, found, *_ = story.paragraphs[1:]
        assert thing.spot in " ".join(play).lower()
        assert str(story.cast["wrong"]) in " ".join(search)
        assert thing.spot in " ".join(found)
        assert str(story.cast["wrong"]) not in " ".join(found)


def test_broken_things_work_again():
    for story in tell("broken"):
        thing = story.items["thing"]
        assert order_of(story, "break", "mend")
        assert not thing.broken
        assert thing.holder is thing.owner is story.hero
        assert find_event(story, "mend").who == str(story.cast["helper"])
        assert story.cast["damage"].tool in story.text.replace("With ", "with ")
        assert f"{story.cast['damage'].works} again" in story.text or f"{story.cast['damage'].works} as" in story.text


def test_who_gets_wet_gets_dry():
    for story in tell("rain"):
        assert order_of(story, "soak", "dry")
        assert not story.hero.wet
        assert story.items["umbrella"].holder is story.friend


def test_a_favor_is_returned_by_who_was_given_food():
    for story in tell("favor"):
        assert order_of(story, "share", "help")
        assert find_event(story, "share").where == find_event(story, "help").who == story.friend.name
        assert find_event(story, "share").who == find_event(story, "help").what == story.hero.name
        assert story.items["food"].noun in " ".join(story.paragraphs[3])


def test_a_lie_is_discovered_and_followed_by_an_apology():
    for story in tell("lie"):
        assert order_of(story, "lie", "discover", "apologize")
        assert f"the {story.cast['blamed']}" in " ".join(story.paragraphs[3]).lower()
        assert "sorry" in " ".join(story.paragraphs[2])


def test_a_promise_is_kept_in_the_end():
    for story in tell("promise"):
        assert order_of(story, "forget", "keep promise")
        assert story.items["plaything"].noun in " ".join(story.paragraphs[3])
        assert story.cast["duty"].done in " ".join(story.paragraphs[3])


def test_what_was_done_together_is_done_alone_later():
    for story in tell("fear"):
        assert order_of(story, "fear", "dare together", "dare alone")
        assert len({event.what for event in story.log if event.action.startswith(("fear", "dare"))}) == 1
        assert story.cast["danger"].acted in " ".join(story.paragraphs[3])


def test_traded_things_change_owners():
    for story in tell("trade"):
        mine, theirs = story.items["mine"], story.items["theirs"]
        assert mine.noun != theirs.noun
        assert mine.holder is mine.owner is story.friend
        assert theirs.holder is theirs.owner is story.hero
        after = " ".join(story.paragraphs[3])
        assert re.search(rf"{story.friend} (took|had) the {mine.noun} and {mine.play}", after)
        assert re.search(rf"({story.hero}|He|She) took the {theirs.noun} and {theirs.play}", after)


def test_a_secret_is_found_where_it_was_hidden():
    for story in tell("secret"):
        spots = {event.where for event in story.log if event.action in ("hide", "find")}
        assert spots == {story.items["treasure"].spot} == {story.cast["right"]}
        assert story.items["treasure"].owner is story.hero


def test_coins_add_up_and_the_gift_is_the_one_wished_for():
    for story in tell("gift"):
        price, savings = (NUMBERS.index(str(story.cast[role]).split()[0]) for role in ("price", "savings"))
        assert savings + NUMBERS.index(str(story.cast["missing"])) == price
        assert re.search(rf"cost {story.cast['price']}\b", story.text)
        assert re.search(rf"had (only )?{story.cast['savings']}\b", story.text)
        assert f"all {NUMBERS[price]}." in story.text
        present = story.items["present"]
        assert present.holder is present.owner is story.friend


def test_the_little_one_comes_home():
    for story in tell("little one"):
        home = find_event(story, "get lost").where
        assert find_event(story, "come home").where == home != story.cast["wrong"]
        assert home in " ".join(story.paragraphs[3])


def test_the_prize_goes_to_the_winner():
    for story in tell("race"):
        assert story.items["prize"].holder is story.items["prize"].owner is story.friend


def test_a_seed_comes_up_where_it_was_planted():
    for story in tell("garden"):
        assert find_event(story, "plant").where == find_event(story, "harvest").where
        assert story.text.lower().count(str(story.cast["bed"])) >= 2
        assert story.cast["crop"].plant in " ".join(story.paragraphs[3])


def test_the_sick_get_well_and_the_plan_is_carried_out():
    for story in tell("sick"):
        assert find_event(story, "fall ill").what == find_event(story, "get well").what
        assert story.cast["plan"].todo in story.text
        assert story.cast["plan"].done in " ".join(story.paragraphs[3])


def test_what_was_stuck_comes_back():
    for story in tell("stuck"):
        thing = story.items["thing"]
        assert find_event(story, "get stuck").where == find_event(story, "find").where
        assert find_event(story, "find").who == str(story.cast["helper"])
        assert thing.holder is thing.owner is story.hero


def test_what_was_borrowed_goes_back_clean():
    for story in tell("borrowed"):
        assert order_of(story, "stain", "clean")
        assert story.items["thing"].holder is story.items["thing"].owner is story.friend


# ---------------------------------------------------------------- side events


@pytest.mark.parametrize("side", SIDES, ids=lambda side: side.end[0][:30])
def test_side_events_have_their_consequence(side, monkeypatch):
    monkeypatch.setattr(stories.generator, "SIDE_CHANCE", 1.0)
    monkeypatch.setattr(stories.plot, "SIDES", (side,))
    for plot in PLOTS:
        place = plot.places[0]
        if not plot.sides_at(place):
            continue
        story = tell_story(replace(plot, places=(place,)), random.Random(2))
        roles = {role for text in side.end for role in re.findall(r"\{(\w+)", text)} - {"hero", "elder", "friend"}
        for role in roles - {"left"}:
            assert story.text.count(str(story.cast[role])) >= 2
        if side.gift:
            assert story.items["keepsake"].holder is story.elder


def test_picked_flowers_add_up():
    rng = random.Random(7)
    sample = [generate_story(rng) for _ in range(2000)]
    pattern = r"pick(?:ed)? (\w+) (\w+)(?:,| and) (?:but|gave) (\w+) .*?(\w+) \2(?: that were)? left"
    counted = [match for text in sample if (match := re.search(pattern, text, re.DOTALL))]
    assert len(counted) > 20
    for match in counted:
        picked, gone, left = (NUMBERS.index(match[group].lower()) for group in (1, 3, 4))
        assert picked == gone + left
