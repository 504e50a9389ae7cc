"""What a client may ask for: requests, origins, stop strings and names of models, without a server or a model."""

import json
import os
import shutil

import pytest
from hypothesis import given, strategies as st

from serving.catalog import CURVE_POINTS, Catalog, UnknownModelError, loss_curve
from serving.completion_request import parse_completion
from serving.completion_text import StopStrings
from serving.generation import TextToken
from serving.guard import check_headers
from serving.request import MAX_PROMPT_BYTES, RequestError


def parse(**fields):
    return parse_completion(json.dumps({"model": "m", **fields}).encode())


def test_the_defaults_are_those_of_openai():
    asked = parse()
    request, sampling = asked.generation, asked.generation.sampling
    assert (request.prompts, request.samples, request.max_new_tokens) == (("",), 1, 16)
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (1.0, 1.0, None)
    assert (asked.stops, asked.echo, asked.logprobs, asked.stream) == ((), False, False, False)
    assert parse().generation.seed != parse().generation.seed


def test_null_and_neutral_values_are_accepted():
    neutral = {"best_of": 1, "frequency_penalty": 0, "presence_penalty": 0.0, "logit_bias": {}, "suffix": None}
    asked = parse(**neutral, max_tokens=None, stop=None, seed=7, user="me", logprobs=None)
    assert asked.generation.max_new_tokens == 16
    assert asked.generation.seed == 7


def test_all_settings_arrive():
    asked = parse(
        prompt=["a", [1, 2]], n=2, top_k=5, min_p=0.1, repetition_penalty=1.5, stop="x", logprobs=0, echo=True
    )
    assert asked.generation.prompts == ("a", (1, 2))
    assert asked.generation.texts == 4
    assert (asked.generation.sampling.top_k, asked.generation.sampling.min_p) == (5, 0.1)
    assert asked.stops == ("x",)
    assert asked.logprobs
    assert asked.generation.score_prompts
    assert parse(prompt=[1, 2]).generation.prompts == ((1, 2),)


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"model": None}, "model", "model is missing"),
        ({"max_tokens": 100_000}, "max_tokens", "max_tokens is 100000: give a whole number from 0 to 4096"),
        ({"max_tokens": True}, "max_tokens", "max_tokens is true"),
        ({"max_tokens": 1.5}, "max_tokens", "max_tokens is 1.5"),
        ({"n": 0}, "n", "n is 0"),
        ({"n": 10**30}, "n", "n is 1000"),
        ({"n": 4, "prompt": ["a"] * 5}, "n", "20 texts are asked for"),
        ({"prompt": ["a"] * 17}, "prompt", "there are 17 prompts"),
        ({"prompt": "é" * MAX_PROMPT_BYTES}, "prompt", "the prompt has 400000 bytes: give at most 200000"),
        ({"prompt": "\ud800"}, "prompt", "half of a surrogate pair"),
        ({"prompt": {"a": 1}}, "prompt", "prompt is not a text"),
        ({"prompt": [["a"]]}, "prompt", "prompt is not a text"),
        ({"prompt": 3}, "prompt", "prompt is not a text"),
        ({"temperature": -1}, "temperature", "temperature is -1.0"),
        ({"temperature": "warm"}, "temperature", 'temperature is "warm": give a number'),
        ({"temperature": 10**400}, "temperature", "give a number"),
        ({"top_p": 0}, "top_p", "top_p is 0.0"),
        ({"top_k": -1}, "top_k", "top_k is -1"),
        ({"min_p": 2}, "min_p", "min_p is 2.0"),
        ({"repetition_penalty": 0}, "repetition_penalty", "repetition_penalty is 0.0"),
        ({"logprobs": 21}, "logprobs", "logprobs is 21"),
        ({"seed": -1}, "seed", "seed is -1"),
        ({"stop": ["a"] * 5}, "stop", "stop is not a text or a list of up to 4 texts"),
        ({"stop": ""}, "stop", "stop is not"),
        ({"stop": [""]}, "stop", "stop is not"),
        ({"stop": "x" * 201}, "stop", "stop is not"),
        ({"stream": 1}, "stream", "stream is 1: give true or false"),
        ({"stream_options": {"x": 1}}, "stream_options", "stream_options is an object with include_usage"),
        ({"frequency_penalty": 0.5}, "frequency_penalty", "frequency_penalty is not supported: leave it out"),
        ({"max_new_tokens": 3}, "max_new_tokens", "unknown field 'max_new_tokens': did you mean max_tokens?"),
        ({"x" * 1000: 3}, "x" * 100, "unknown field"),
    ],
)
def test_absurd_requests_are_refused_in_one_sentence(fields, field, message):
    with pytest.raises(RequestError) as caught:
        parse(**fields)
    assert message in str(caught.value)
    assert caught.value.field == field
    assert caught.value.status == 400
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the request is not valid JSON"),
        (b"\xff\xfe\x00", "the request is not valid JSON"),
        (b'{"model": ', "the request is not valid JSON"),
        (b"[1]", "the request is not a JSON object"),
        (b'{"model": "m", "temperature": NaN}', "the request contains NaN"),
        (b'{"model": "m", "temperature": -Infinity}', "the request contains -Infinity"),
        (b'{"model": "m", "temperature": 1e999}', "temperature is Infinity"),
        (b'{"model": "m", "n": ' + b"9" * 5000 + b"}", "the request is not valid JSON"),
        (b"[" * 200_000, "it is nested too deeply"),
    ],
)
def test_what_is_not_json_is_refused(body, message):
    with pytest.raises(RequestError) as caught:
        parse_completion(body)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:8000"},
        {"host": "localhost:9000", "origin": "http://localhost:9000"},
        {"host": "[::1]:8000", "origin": "http://[::1]:8000", "sec-fetch-site": "same-origin"},
        {"host": "192.168.0.7:8000"},
        {"host": "box:80"},
        {"host": "localhost", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_this_server_s_own_names_and_pages_are_accepted(headers):
    check_headers(headers, {"localhost", "box"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "evil.example:8000"},
        {"host": "localhost.evil.example"},
        {"host": "127.0.0.1.evil.example:8000"},
        {"host": "localhost:8000", "origin": "https://evil.example"},
        {"host": "localhost:8000", "origin": "http://localhost:3000"},
        {"host": "localhost:8000", "origin": "null"},
        {"host": "localhost:8000", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    ],
)
def test_other_hosts_and_origins_are_refused(headers):
    with pytest.raises(RequestError) as caught:
        check_headers(headers, {"localhost"})
    assert caught.value.status == 403


@given(
    st.lists(st.text("abc", max_size=3), max_size=12),
    st.lists(st.text("abc", min_size=1, max_size=4), max_size=3),
)
def test_a_text_ends_before_the_first_stop_string(parts, stops):
    stream = StopStrings(stops)
    tokens = [TextToken(part, part, 0.0) for part in parts]
    released, expected = "", "".join(parts)
    for count, token in enumerate(tokens, 1):
        released += "".join(part.text for part in stream.feed(token))
        places = [place for stop in stops if (place := "".join(parts[:count]).find(stop)) >= 0]
        if places:
            expected = "".join(parts)[: min(places)]
            break
        assert "".join(parts).startswith(released)
    assert stream.found == bool(stops and any(stop in "".join(parts) for stop in stops))
    assert released + "".join(part.text for part in stream.finish()) == expected


def test_text_is_held_back_only_while_it_may_become_a_stop_string():
    stream = StopStrings(["###"])
    released = [[part.text for part in stream.feed(TextToken(text, text, 0.0))] for text in ("a", "b#", "#", "c")]
    assert released == [["a"], [], [], ["b#", "#", "c"]]


@pytest.fixture
def runs(tmp_path, trained_run):
    folder = tmp_path / "runs"
    shutil.copytree(trained_run, folder / "group" / "tiny")
    return folder


def test_runs_are_found_and_named(runs):
    catalog = Catalog(runs)
    assert list(catalog.runs()) == ["group/tiny"]
    assert catalog.find("group/tiny").checkpoint.name == "step_00000004"
    assert catalog.find("group/tiny@2").checkpoint.name == "step_00000002"
    assert list(Catalog(runs / "group" / "tiny").runs()) == ["tiny"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "tiny",
        "group/tiny@3",
        "group/tiny@",
        "group/tiny/",
        "./group/tiny",
        "../runs/group/tiny",
        "/etc",
        "@2",
        "\0",
    ],
)
def test_a_name_never_becomes_a_path(runs, name):
    with pytest.raises(UnknownModelError):
        Catalog(runs).find(name)


def test_what_is_not_a_usable_run_below_the_folder_is_not_listed(runs, trained_run):
    (runs / "linked").symlink_to(trained_run)
    shutil.copytree(trained_run, runs / ".hidden")
    shutil.copytree(trained_run, runs / "bare")
    (runs / "bare" / "tokenizer.json").unlink()
    shutil.copytree(trained_run, runs / "new")
    shutil.rmtree(runs / "new" / "checkpoints")
    shutil.copytree(trained_run, runs / "a" / "b" / "c" / "deep")
    assert list(Catalog(runs).runs()) == ["group/tiny"]


def test_a_checkpoint_that_is_written_again_is_another_model(runs):
    catalog = Catalog(runs)
    before = catalog.find("group/tiny")
    assert catalog.find("group/tiny") == before
    os.utime(before.checkpoint, ns=(1, 1))
    assert catalog.find("group/tiny") != before


def test_the_loss_curve_is_thinned(runs):
    run = Catalog(runs).run("group/tiny")
    lines = [json.dumps({"step": step, "train_loss": 9 - step / 1000}) for step in range(1, 1003)]
    run.metrics.write_text("\n".join([*lines, json.dumps({"step": 1002, "valid_loss": None})]) + "\n")
    curve = loss_curve(run)
    assert len(curve["train"]) <= CURVE_POINTS
    assert curve["train"][0] == (1, 8.999)
    assert curve["train"][-1][0] == 1002
    assert curve["valid"] == []
    assert curve["checkpoints"] == [2, 4]
