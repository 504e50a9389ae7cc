"""The playground's page in a real browser: texts that stream, what is shown of each token, and checkpoints."""

import re
import shutil
import time

import pytest
from playwright.sync_api import expect, sync_playwright

import serving.batch

from .playground import serving as serve

CHROMIUM = shutil.which("chromium")
OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian's package chromium)")


@pytest.fixture(scope="module")
def address(trained_run):
    with serve(trained_run.parent) as served:
        yield served.address


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, address):
    """Open the page, which may write nothing to the console and ask no other server for anything."""
    contexts, messages = [], []

    def open_page(expected="\0", **options):
        context = browser.new_context(**options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: expected in message.text or messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: request.url.startswith(address) or messages.append(request.url))
        page.goto(address)
        page.locator(".checkpoint").first.wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert messages == []


@pytest.fixture
def slow(monkeypatch):
    """Let each token take long, and texts not end."""
    original = serving.batch.generate_tokens

    def generate_tokens(*arguments, **options):
        for tokens in original(*arguments, **{**options, "stop_tokens": ()}):
            time.sleep(0.01)
            yield tokens

    monkeypatch.setattr("serving.batch.generate_tokens", generate_tokens)


def slide(page, name, value):
    page.locator(f"#{name}").fill(str(value))


def generate(page, columns=1):
    page.click("#generate")
    page.locator("article[data-ended]").nth(columns - 1).wait_for()


def text_of(page, column=0):
    return page.locator(".text").nth(column).text_content()


def test_a_text_and_what_is_shown_of_its_tokens(open_page):
    page = open_page()
    page.fill("#prompt", "One day")
    slide(page, "max_tokens", 40)
    generate(page)
    tokens = page.locator(".token")
    assert text_of(page).startswith("One day")
    assert len(text_of(page)) > len("One day")
    assert tokens.count() > page.locator(".token.prompt").count() > 1
    expect(page.locator(".summary")).to_have_text(re.compile(r"^\d+ tokens · [\d.]+ bits per token"))

    panel = page.locator("#details")
    last = tokens.nth(tokens.count() - 1)
    last.hover()
    expect(panel).to_be_visible()
    expect(panel).to_contain_text("bits of surprise")
    assert panel.locator("tr").count() in (8, 9)
    assert panel.locator("tr.chosen").count() == 1
    assert "%" in panel.locator("tr.chosen").inner_text()
    page.mouse.move(1, 1)
    expect(panel).to_be_hidden()

    page.keyboard.press("Escape")
    tokens.first.focus()
    expect(panel).to_contain_text("the first token")
    page.keyboard.press("ArrowRight")
    expect(tokens.nth(1)).to_be_focused()
    expect(panel).to_contain_text("bits of surprise")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()

    shadow, background = "getComputedStyle(e).boxShadow", "getComputedStyle(e).backgroundColor"
    assert last.evaluate(f"e => {shadow}") != "none"
    page.uncheck("#borders")
    assert last.evaluate(f"e => {shadow}") == "none"
    coloured = last.evaluate(f"e => {background}")
    page.uncheck("#surprise")
    assert last.evaluate(f"e => {background}") != coloured
    expect(page.locator(".legend")).to_be_hidden()


def test_a_text_streams_and_stops(open_page, slow):
    page = open_page()
    slide(page, "max_tokens", 1000)
    page.locator("#prompt").press("Control+Enter")
    page.locator(".token").nth(30).wait_for()
    expect(page.locator("#status")).to_have_text("generating…")
    page.click("#stop")
    expect(page.locator(".summary")).to_contain_text("stopped")
    expect(page.locator("#stop")).to_be_disabled()
    count = page.locator(".token").count()
    assert 30 < count < 900
    time.sleep(0.2)
    assert page.locator(".token").count() == count


def test_several_seeds_side_by_side_repeat(open_page):
    page = open_page()
    slide(page, "columns", 4)
    slide(page, "max_tokens", 40)
    slide(page, "temperature", 1)
    generate(page, 4)
    first = [text_of(page, column) for column in range(4)]
    assert page.locator("article h2").all_inner_texts() == ["seed 0", "seed 1", "seed 2", "seed 3"]
    assert len(set(first)) == 4
    page.click("#next-seed")
    generate(page, 4)
    assert [text_of(page, column) for column in range(3)] == first[1:]


def test_checkpoints_show_how_it_learned(open_page):
    page = open_page()
    assert page.locator(".checkpoint").count() == 2
    assert page.locator("#model").inner_text() == "1 layers · width 16 · context 32 · vocabulary 300"
    slide(page, "columns", 2)
    page.check("input[value=checkpoints]")
    generate(page, 2)
    assert page.locator("article h2").all_inner_texts() == ["step 2", "step 4"]
    early, late = text_of(page, 0), text_of(page, 1)
    assert early != late
    page.locator(".checkpoint[data-step='2']").click()
    expect(page.locator("#checkpoint")).to_have_value("2")
    expect(page.locator(".checkpoint.chosen")).to_have_attribute("data-step", "2")
    slide(page, "columns", 1)
    generate(page)
    assert text_of(page) == early
    page.select_option("#checkpoint", "4")
    generate(page)
    assert text_of(page) == late


def test_any_text_is_shown_as_it_is(open_page):
    page = open_page()
    prompt = "<b>\u5b66 42 \U0001f98a"
    page.fill("#prompt", prompt)
    slide(page, "max_tokens", 2)
    generate(page)
    assert text_of(page).startswith(prompt)
    assert page.locator(".text b").count() == 0


def test_a_refusal_is_shown(open_page):
    page = open_page(expected="400 (Bad Request)")  # which the browser itself writes
    page.fill("#prompt", "<|endoftext|>" * 40)
    page.click("#generate")
    expect(page.locator(".summary.error")).to_contain_text("the prompt has 40 tokens, but the model's context is 32")


def test_dark_and_on_a_phone(open_page):
    page = open_page(color_scheme="dark", viewport={"width": 360, "height": 700})
    page.locator("#settings summary").click()
    slide(page, "max_tokens", 60)
    generate(page)
    page.locator(".token").nth(5).hover()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    box = page.locator("#details").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", colour))) < 64
