"""The playground's server from outside: OpenAI's protocol, several clients at once, refusals, and the program."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

import serving.batch
import serving.engine
from nn import SamplingConfig
from playground import address_of, is_local, listen, main
from speaker import load_speaker
from trainer import open_run_directory

from .conftest import APPS, truncate
from .playground import serving as serve

LONG = {"model": "tiny", "prompt": "One day", "max_tokens": 4000, "temperature": 0}


@pytest.fixture(scope="module")
def served(trained_run):
    with serve(trained_run.parent) as served:
        yield served


@pytest.fixture
def client(served):
    with httpx.Client(base_url=served.address, timeout=30) as client:
        yield client


@pytest.fixture
def slow(monkeypatch):
    """Let steps take long, and texts not end, so that a test can act meanwhile; return the batches that were begun."""
    begun, original = [], serving.batch.generate_tokens

    def generate_tokens(model, prompts, *arguments, **options):
        begun.append([len(prompt) for prompt in prompts])
        options["stop_tokens"] = ()
        for tokens in original(model, prompts, *arguments, **options):
            time.sleep(0.002)
            yield tokens

    monkeypatch.setattr("serving.batch.generate_tokens", generate_tokens)
    return begun


def complete(client, **fields):
    response = client.post("/v1/completions", json={"model": "tiny", "seed": 3, **fields})
    assert response.status_code == 200, response.text
    return response.json()


def stream(client, **fields):
    """Return the parts of a streamed answer."""
    with client.stream(
        "POST", "/v1/completions", json={"model": "tiny", "seed": 3, "stream": True, **fields}
    ) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        events = [line.removeprefix("data: ") for line in response.iter_lines() if line]
    assert events.pop() == "[DONE]"
    return [json.loads(event) for event in events]


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_answer_has_the_form_of_openai_and_the_text_of_generate(client, trained_run):
    answer = complete(client, prompt="One day", max_tokens=20, temperature=0.7, top_p=0.9, n=2)
    assert answer["id"].startswith("cmpl-")
    assert answer["object"] == "text_completion"
    assert answer["model"] == "tiny"
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert {choice["finish_reason"] for choice in answer["choices"]} <= {"stop", "length"}
    speaker = load_speaker(open_run_directory(trained_run), None, "cpu")
    ids = speaker.encode_prompt("One day")
    texts = speaker.speak(ids, 20, SamplingConfig(temperature=0.7, top_p=0.9), [3, 4])
    assert [choice["text"] for choice in answer["choices"]] == ["".join(text) for text in texts]
    usage = answer["usage"]
    assert usage["prompt_tokens"] == len(ids)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_stream_has_the_same_text_in_parts(client):
    whole = complete(client, prompt="One", max_tokens=40, n=2, logprobs=2)
    parts = stream(client, prompt="One", max_tokens=40, n=2, logprobs=2, stream_options={"include_usage": True})
    assert parts.pop()["usage"] == whole["usage"]
    for index, choice in enumerate(whole["choices"]):
        mine = [part["choices"][0] for part in parts if part["choices"][0]["index"] == index]
        assert "".join(part["text"] for part in mine) == choice["text"]
        assert [part["finish_reason"] for part in mine][-1] == choice["finish_reason"]
        assert all(part["finish_reason"] is None for part in mine[:-1])
        assert [token for part in mine for token in part["logprobs"]["tokens"]] == choice["logprobs"]["tokens"]
    assert len(parts) > 40


def test_echo_and_logprobs_describe_prompt_and_text(client):
    (choice,) = complete(client, prompt="One day", max_tokens=10, echo=True, logprobs=3, temperature=0)["choices"]
    assert choice["text"].startswith("One day")
    logprobs = choice["logprobs"]
    assert "".join(logprobs["tokens"][:2]) == "One day"[: len("".join(logprobs["tokens"][:2]))]
    assert logprobs["token_logprobs"][0] is None
    assert logprobs["top_logprobs"][0] is None
    assert all(value <= 0 for value in logprobs["token_logprobs"][1:])
    assert all(len(best) == 3 for best in logprobs["top_logprobs"][1:])
    for start, token in zip(logprobs["text_offset"], logprobs["tokens"], strict=True):
        assert token.startswith("bytes:") or choice["text"].startswith(token, start)
    for token, best in list(zip(logprobs["tokens"], logprobs["top_logprobs"], strict=True))[-10:]:
        assert token == max(best, key=best.get)  # temperature 0 takes the most probable one


def test_a_prompt_can_be_rated_without_a_continuation(client):
    (choice,) = complete(client, prompt="One day", max_tokens=0, echo=True, logprobs=0)["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("One day", "length")
    assert len(choice["logprobs"]["token_logprobs"]) > 1
    again = complete(client, prompt="One day", max_tokens=1, echo=True, logprobs=1)["choices"][0]["logprobs"]
    assert choice["logprobs"]["token_logprobs"][1:] == again["token_logprobs"][1:-1]


def test_the_answer_ends_before_a_stop_string(client):
    whole = complete(client, prompt="One", max_tokens=60)["choices"][0]["text"]
    stop = whole[20:23]
    for parts in (
        complete(client, prompt="One", max_tokens=60, stop=["\u2603", stop])["choices"],
        [part["choices"][0] for part in stream(client, prompt="One", max_tokens=60, stop=stop)],
    ):
        assert "".join(part["text"] for part in parts) == whole[: whole.index(stop)]
        assert parts[-1]["finish_reason"] == "stop"


def test_a_text_goes_on_beyond_the_context(client):
    answer = complete(client, prompt="", max_tokens=200, temperature=0.5, seed=1)
    assert answer["usage"]["completion_tokens"] > 32


def test_several_prompts_and_ids(client, trained_run):
    speaker = load_speaker(open_run_directory(trained_run), None, "cpu")
    ids = speaker.encode_prompt("One day")
    both = complete(client, prompt=["He", "One day"], max_tokens=10)["choices"]
    assert both[1]["text"] == complete(client, prompt=ids, max_tokens=10)["choices"][0]["text"]
    assert both[0]["text"] == complete(client, prompt="He", max_tokens=10)["choices"][0]["text"]


def test_models_and_their_checkpoints_can_be_chosen(client):
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["tiny", "tiny@2", "tiny@4"]
    assert client.get("/v1/models/tiny@2").json()["id"] == "tiny@2"
    texts = [
        complete(client, model=name, prompt="One", max_tokens=30)["choices"][0]["text"]
        for name in ("tiny", "tiny@4", "tiny@2")
    ]
    assert texts[0] == texts[1] != texts[2]


def test_what_the_page_reads(client):
    assert client.get("/api/runs").json() == [{"name": "tiny", "steps": [2, 4]}]
    run = client.get("/api/run", params={"name": "tiny"}).json()
    assert run["checkpoints"] == [2, 4]
    assert [step for step, _ in run["train"]] == [1, 2, 3, 4]
    assert run["model"] == {"layers": 1, "width": 16, "context": 32, "vocabulary": 300}
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http:" not in page.text.replace("http://www.w3.org", "")  # nothing from elsewhere


def test_requests_that_come_later_join_the_batch_and_no_text_changes(served, client, slow):
    prompts = {"One day": 200, "He": 80, "": 50}
    asked = [{"prompt": prompt, "max_tokens": n, "temperature": 0.8 + n / 1000} for prompt, n in prompts.items()]
    alone = [complete(client, **fields)["choices"][0] for fields in asked]
    slow.clear()
    together = [None] * len(asked)

    def ask(index):
        with httpx.Client(base_url=served.address, timeout=30) as other:
            together[index] = complete(other, **asked[index])["choices"][0]

    threads = []
    for index in range(len(asked)):
        threads.append(threading.Thread(target=ask, args=(index,)))
        threads[-1].start()
        wait_until(lambda: any(len(batch) == len(threads) for batch in slow))
    for thread in threads:
        thread.join()
    assert together == alone
    assert max(map(len, slow)) == 3


def test_two_models_take_turns_and_a_third_waits_until_one_is_done(tmp_path, trained_run, slow):
    for name in "ab":
        shutil.copytree(trained_run, tmp_path / name)
    with serve(tmp_path) as served, client_of(served) as client:
        first, second = streams = [open_stream(client, model) for model in ("a@2", "a@4")]
        waiting = threading.Thread(target=lambda: httpx.post(f"{served.address}/v1/completions", json={"model": "b"}))
        waiting.start()
        wait_until(lambda: served.engine._waiting)
        for _ in range(3):
            for parts in streams:
                next(parts)  # both go on
        assert served.engine._waiting
        first.close()
        waiting.join()
        next(second)
        second.close()


def open_stream(client, model):
    """Return the parts of a long stream, of which the first has arrived."""

    def parts():
        with client.stream("POST", "/v1/completions", json={**LONG, "model": model, "stream": True}) as response:
            yield from response.iter_lines()

    lines = parts()
    next(lines)
    return lines


@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_leaves_frees_its_row(served, client, slow, streamed):
    def leave():
        with httpx.Client(base_url=served.address) as leaving:
            if streamed:
                with leaving.stream("POST", "/v1/completions", json={**LONG, "stream": True}) as response:
                    next(response.iter_lines())
            else:
                with pytest.raises(httpx.ReadTimeout):
                    leaving.post("/v1/completions", json=LONG, timeout=0.3)

    started = time.monotonic()
    leave()
    wait_until(lambda: not served.engine._batches)
    assert time.monotonic() - started < 4  # all 4,000 tokens would take more than 8 seconds
    assert complete(client, max_tokens=2)["choices"][0]["text"]


def test_too_many_requests_are_asked_to_come_back(served, client, slow, monkeypatch):
    monkeypatch.setattr(serving.engine, "MAX_TEXTS", 1)
    monkeypatch.setattr(serving.engine, "MAX_WAITING", 1)
    address, short = f"{served.address}/v1/completions", {"json": {"model": "tiny"}}
    running = open_stream(client, "tiny")
    with pytest.raises(httpx.ReadTimeout):  # this one leaves while it waits
        httpx.post(address, json=LONG, timeout=0.2)
    wait_until(lambda: all(generation.cancelled for generation in served.engine._waiting))
    waiting = threading.Thread(target=httpx.post, args=(address,), kwargs=short)
    waiting.start()
    wait_until(lambda: any(not generation.cancelled for generation in served.engine._waiting))
    refused = client.post("/v1/completions", **short)
    assert refusal(refused, 503)["type"] == "server_error"
    assert refused.headers["retry-after"] == "5"
    running.close()
    waiting.join()


def client_of(served):
    return httpx.Client(base_url=served.address, timeout=30)


def refusal(response, status):
    assert response.status_code == status
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "\n" not in error["message"]
    return error


def test_refusals_have_the_form_of_openai(client):
    post = client.post
    error = refusal(post("/v1/completions", json={"model": "tiny", "n": 99}), 400)
    assert (error["type"], error["param"]) == ("invalid_request_error", "n")
    error = refusal(post("/v1/completions", json={"model": "tinny"}), 404)
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "did you mean 'tiny'?" in error["message"]
    error = refusal(post("/v1/completions", json={"model": "tiny", "prompt": "word " * 100}), 400)
    assert "but the model's context is 32" in error["message"]
    assert (
        "outside the model's"
        in refusal(post("/v1/completions", json={"model": "tiny", "prompt": [999]}), 400)["message"]
    )
    assert "not application/json" in refusal(post("/v1/completions", content="{}"), 415)["message"]
    refusal(post("/v1/completions", content=b"{", headers={"Content-Type": "application/json"}), 400)
    large = b" " * 1_000_001
    refusal(post("/v1/completions", content=large, headers={"Content-Type": "application/json"}), 413)
    refusal(client.get("/v1/completions"), 405)
    refusal(client.get("/v1/chat/completions"), 404)
    refusal(client.get("/api/run", params={"name": "../tiny"}), 404)


@pytest.mark.parametrize(
    "path", ["/page/../application.py", "/page/%2e%2e/application.py", "/page/..%2fengine.py", "/page//etc/passwd"]
)
def test_only_the_page_s_files_are_served(served, path):
    host, port = served.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as raw:  # httpx would simplify the path
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 404")


def test_other_sites_are_refused(client):
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        error = refusal(client.post("/v1/completions", json={"model": "tiny"}, headers=headers), 403)
        assert "evil.example" in error["message"]
    answer = client.options("/v1/completions", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_model_that_fails_does_not_end_the_server(client, monkeypatch, capfd):
    def fail(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr("serving.batch.generate_tokens", fail)
    error = refusal(client.post("/v1/completions", json={"model": "tiny"}), 500)
    assert error["message"] == "the model has failed: RuntimeError: out of memory"
    with client.stream("POST", "/v1/completions", json={"model": "tiny", "stream": True}) as response:
        assert "out of memory" in response.read().decode()
    monkeypatch.undo()
    assert complete(client, max_tokens=2)["choices"]
    assert "RuntimeError: out of memory" in capfd.readouterr().err


def test_a_damaged_checkpoint_is_named(run_copy):
    truncate(run_copy / "checkpoints" / "step_00000004" / "model.safetensors")
    with serve(run_copy) as served, client_of(served) as client:
        assert "step_00000004" in refusal(client.post("/v1/completions", json={"model": "run"}), 400)["message"]
        assert client.post("/v1/completions", json={"model": "run@2"}).status_code == 200


def test_ctrl_c_ends_the_program_at_once_even_if_clients_listen(trained_run):
    command = [sys.executable, str(APPS / "playground.py"), str(trained_run), "--port=0", "--device=cpu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        line = program.stdout.readline()
        assert line.startswith("1 run(s); open http://127.0.0.1:")
        address = line.split()[3]
        with httpx.Client(base_url=address, timeout=60) as client:
            parts = open_stream(client, trained_run.name)
            started = time.monotonic()
            program.send_signal(signal.SIGINT)
            _, errors = program.communicate(timeout=10)
            assert time.monotonic() - started < 2
            assert (program.returncode, errors.strip()) == (130, "interrupted")
            with pytest.raises(httpx.RemoteProtocolError):  # it was still streaming
                list(parts)


def test_where_it_listens():
    with listen("127.0.0.1", 0) as here:
        assert is_local(here)
        assert address_of(here, "localhost") == f"http://localhost:{here.getsockname()[1]}"
    with listen("0.0.0.0", 0) as everywhere:
        assert not is_local(everywhere)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "nowhere is not a folder: give a run or a folder of runs"),
        (["EMPTY"], "contains no run that has a checkpoint and a tokenizer"),
        (["RUN", "--port=99999"], "--port is 99999: give a number from 0 to 65535"),
        (["RUN", "--port=TAKEN"], "choose another --port or --host"),
        (["RUN", "--port=0", "--host=256.0.0.1"], "cannot listen on 256.0.0.1, port 0"),
        (["RUN", "--port=0", "--device=x y"], "--device is 'x y': give auto, cpu, cuda or mps"),
        (["RUN", "--prot=3"], "unknown argument --prot: did you mean --port?"),
    ],
)
def test_bad_input_is_one_line(call, tmp_path, trained_run, options, message):
    with listen("127.0.0.1", 0) as taken:
        places = {"RUN": trained_run, "EMPTY": tmp_path, "TAKEN": taken.getsockname()[1]}
        for name, place in places.items():
            options = [option.replace(name, str(place)) for option in options]
        outcome = call(main, *options)
    assert message in outcome.one_line_error()
    assert outcome.output == ""
