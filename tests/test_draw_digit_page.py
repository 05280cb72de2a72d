"""examples/draw_digit: the page in a browser, drawn on with mouse, finger and keys.

The network is trained here on the package's sample, for seconds. What the one that a user gets
reads, trained on all of MNIST, is measured by test_draw_digit.py (`pytest -m slow`).
"""

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, Browser
from draw_digit.as_mnist import as_mnist
from draw_digit.network import fit
from draw_digit.server import Server
from drawn_digits import DIGITS, FIRST, ink, strokes

from numcnn.datasets import mnist

SHOTS = os.environ.get("NUMCNN_SCREENSHOTS")  # a folder; each test leaves a picture there


@pytest.fixture(scope="module")
def model():
    (x, y), _ = mnist.load_sample()
    return fit(x, y, epochs=4, verbose=0)


@pytest.fixture(scope="module")
def address(model):
    with Server(model, patience=600) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def page(browser, address, request):
    """The page, freshly loaded; afterwards: no complaint, and nothing asked of others."""
    browser.complaints.clear()
    browser.requested.clear()
    load(browser, address)
    yield browser
    assert browser.js("document.getElementById('problem').textContent") == ""
    assert browser.complaints == []
    assert browser.requested
    assert [url for url in browser.requested if not url.startswith(f"{address}/")] == []
    if SHOTS:
        browser.screenshot(Path(SHOTS) / f"{request.node.name}.png")


def load(browser, address, *like):
    browser.look_like(*(like or (1280, 800)))
    browser.call("Page.navigate", url=f"{address}/")
    browser.until("document.querySelectorAll('.layer').length > 0 && !waiting && answer !== null")


def on_page(page, stroke):
    """Return points of the drawing as points of the window."""
    page.js("window.scrollTo(0, 0)")
    left, top, width = page.js(
        "(() => { const r = pad.getBoundingClientRect(); return [r.left, r.top, r.width] })()"
    )
    return [(left + x * width / 280, top + y * width / 280) for x, y in stroke]


def draw(page, path, seed=1):
    """Draw with the mouse, as a hand would; return what is read."""
    for stroke in strokes(path, seed):
        points = on_page(page, [*stroke[:-1:5], stroke[-1]])
        page.mouse("mousePressed", *points[0])
        for point in points[1:]:
            page.mouse("mouseMoved", *point)
        page.mouse("mouseReleased", *points[-1])
    return read(page)


def read(page):
    """Return the digit that the page names, once it knows what it thinks of the newest drawing."""
    page.until("document.body.dataset.state === 'done'")
    shares = page.js("[...document.querySelectorAll('.bars .share')].map((e) => e.textContent)")
    first = page.js("[...document.querySelectorAll('.bars button')].map((e) => e.className)")
    digit = page.js("document.getElementById('verdict').dataset.digit")
    assert len(shares) == 10
    assert first.index("first") == int(digit)
    assert digit in page.js("document.getElementById('verdict').textContent")
    return int(digit)


def clear(page):
    page.js("document.getElementById('clear').click()")
    page.until("document.body.dataset.state === 'empty' && !waiting")


def pictures(page):
    """Return the pictures of the page by name, as texts that are equal where the pictures are."""
    names = ["drawn", "scaled", "image", "saliency", *(f"layer-{i}" for i in (0, 1, 3, 5))]
    found = page.js(f"{json.dumps(names)}.map((name) => $(name).toDataURL())")
    return dict(zip(names, found, strict=True))


def test_most_styles_are_read_without_a_browser(model):
    images = [
        as_mnist(ink([stroke / 2 for stroke in strokes(path, 1)], 11, 140)).image
        for path in DIGITS.values()
    ]
    found = model.predict(np.array(images)[..., None]).argmax(axis=1)
    wrong = [name for name, digit in zip(DIGITS, found, strict=True) if int(name[0]) != digit]
    assert len(wrong) <= 4, wrong


@pytest.mark.browser
def test_ten_digits_drawn_with_the_mouse(page):
    found = {}
    for digit, path in FIRST.items():
        found[digit] = draw(page, path)
        clear(page)
    wrong = {digit: read for digit, read in found.items() if digit != read}
    assert len(found) == 10
    assert len(wrong) <= 2, wrong


@pytest.mark.browser
def test_the_same_with_a_finger_on_a_phone(page, address):
    load(page, address, 390, 844, "dark", True)
    assert page.js("document.documentElement.scrollWidth") == 390  # nothing hangs over
    digits = (0, 3, 7)
    found = []
    for digit in digits:
        for stroke in strokes(FIRST[digit], 2):
            points = on_page(page, [*stroke[:-1:5], stroke[-1]])
            page.touch("touchStart", points[0])
            for point in points[1:]:
                page.touch("touchMove", point)
            page.touch("touchEnd")
        found.append(read(page))
        assert page.js("window.scrollY") == 0  # a finger on the paper draws and does not scroll
        clear(page)
    assert sum(a == b for a, b in zip(digits, found, strict=True)) >= 2


@pytest.mark.browser
def test_everything_changes_while_one_draws(page):
    page.js(
        """(() => {
            window.answers = [];
            const shown = show;
            show = (found) => { shown(found); answers.push(JSON.stringify(found)); };
        })()"""
    )
    blank = pictures(page)
    [stroke] = strokes(DIGITS["3 in one go"], 1)
    points = on_page(page, stroke[::4])
    page.mouse("mousePressed", *points[0])
    for point in points[1:]:
        page.mouse("mouseMoved", *point)
    page.until("answers.length >= 3")  # and the mouse is still down
    assert page.js("pointer") is not None
    page.mouse("mouseReleased", *points[-1])
    assert read(page) == 3
    answers = [json.loads(text) for text in page.js("answers")]
    assert len({json.dumps(a.get("probabilities")) for a in answers}) >= 3
    assert len({json.dumps(a.get("saliency")) for a in answers}) >= 3
    assert len({json.dumps(a.get("layers")) for a in answers}) >= 3
    assert [name for name, picture in pictures(page).items() if picture == blank[name]] == []
    clear(page)
    assert pictures(page) == blank
    assert page.js("document.getElementById('verdict').textContent") == "It waits for a drawing."


@pytest.mark.browser
def test_one_question_at_a_time_and_the_last_drawing_wins(page):
    page.js(
        """(() => {
            window.most = 0; window.open_ = 0;
            const real = fetch;
            fetch = async (...all) => {
                most = Math.max(most, ++open_);
                await new Promise((go) => setTimeout(go, 40));
                try { return await real(...all); } finally { open_--; }
            };
        })()"""
    )
    draw(page, FIRST[8])
    draw(page, "10,10 90,90", seed=2)
    clear(page)
    assert draw(page, FIRST[1]) == 1
    assert page.js("most") == 1
    shown, drawn = page.js("[answer.crop, [...ink()].reduce((a, b) => a + b)]")
    again = page.js("ask('/look', {method: 'POST', headers: {'Content-Type': "
                    "'application/octet-stream'}, body: ink()}).then((a) => a.crop)")  # fmt: skip
    assert shown == again
    assert drawn > 0


@pytest.mark.browser
def test_the_drawing_that_is_sent_is_the_one_on_the_paper(page):
    draw(page, FIRST[2])
    found = as_mnist(np.array(page.js("[...ink()]"), "uint8").reshape(280, 280))
    drawn = as_mnist(ink(strokes(FIRST[2], 1), width=22))
    assert np.abs(np.array(found.crop) - drawn.crop).max() <= 3
    assert np.abs(found.image - drawn.image).mean() < 0.02
    assert page.js("answer.mass") == pytest.approx(found.mass)


@pytest.mark.browser
def test_undo_and_a_dot(page):
    draw(page, FIRST[1])
    before = page.js("[...ink()].reduce((a, b) => a + b)")
    [(x, y)] = on_page(page, [(250, 30)])
    page.mouse("mousePressed", x, y)
    page.mouse("mouseReleased", x, y)
    page.until("document.body.dataset.state === 'done'")
    dot = page.js("[...ink()].reduce((a, b) => a + b)") - before
    assert dot / 255 == pytest.approx(np.pi * 11**2, rel=0.05)
    page.key("z", "KeyZ", number=90, modifiers=2)
    page.until("document.body.dataset.state === 'done' && marks.length === 1")
    assert page.js("[...ink()].reduce((a, b) => a + b)") == before
    page.js("document.getElementById('undo').click()")
    page.until("document.body.dataset.state === 'empty'")


@pytest.mark.browser
def test_by_keyboard(page):
    page.js("pad.focus()")
    for _ in range(9):
        page.key("ArrowUp", number=38)
    page.key(" ", "Space", " ", 32)
    for _ in range(19):
        page.key("ArrowDown", number=40)
    page.key(" ", "Space", " ", 32)
    assert read(page) == 1
    assert page.js("document.getElementById('spoken').textContent").startswith("This is a 1")
    page.key("Delete", number=46)
    page.until("document.body.dataset.state === 'empty'")
    focusable = page.js(
        "[...document.querySelectorAll('#pad, button, input')].every((e) => e.tabIndex === 0)"
    )
    assert focusable


@pytest.mark.browser
def test_a_digit_of_mnist_and_what_speaks_for_another(page):
    page.js("document.getElementById('example').click()")
    page.until("marks.length === 1")
    digit = read(page)
    assert page.js("marks[0].label") in range(10)
    assert "MNIST says" in page.js("document.getElementById('verdict').textContent")
    assert page.js("answer.image.bytes === btoa(String.fromCharCode(...marks[0].pixels.data"
                   ".filter((_, i) => i % 4 === 3)))")  # fmt: skip
    assert page.js("answer.saliency.digit") == digit
    other = (digit + 3) % 10
    page.js(f"document.querySelectorAll('.bars button')[{other}].click()")
    page.until(f"answer.saliency.digit === {other}")
    assert page.js("document.getElementById('asked').textContent") == f"the {other}"
    pressed = "[...document.querySelectorAll('.bars button')].map((e) => e.ariaPressed)"
    assert page.js(pressed).index("true") == other
    page.js(f"document.querySelectorAll('.bars button')[{other}].click()")
    page.until(f"answer.saliency.digit === {digit}")


@pytest.mark.browser
def test_dark_and_light_may_change_while_one_draws(page):
    draw(page, FIRST[4])
    light = page.js("[colour('--ink'), answer.probabilities]")
    page.look_like(1280, 800, "dark")
    page.until(f"colour('--ink') !== '{light[0]}'")
    page.js("changed()")
    read(page)
    assert page.js("answer.probabilities") == light[1]
    r, g, b = page.js("[...paper.getImageData(0, 0, 560, 560).data].reduce("
                      "(m, v, i) => { m[i % 4] = Math.max(m[i % 4], v); return m }, [0, 0, 0, 0])"
                      ".slice(0, 3)")  # fmt: skip
    assert min(r, g, b) > 200  # light ink on dark paper


@pytest.mark.browser
def test_a_program_that_has_ended_is_noticed_and_one_that_is_back_too(browser, address):
    browser.complaints.clear()
    load(browser, address)
    browser.js("window.kept = fetch; fetch = () => Promise.reject(new TypeError('refused')); 0")
    browser.js("(marks.push({width: 22, points: [[100, 50], [100, 200]]}), changed())")
    browser.until("!document.getElementById('problem').hidden")
    assert "still run" in browser.js("document.getElementById('problem').textContent")
    browser.js("fetch = kept; 0")
    assert read(browser) == 1
    assert browser.js("document.getElementById('problem').hidden")
    assert browser.complaints == []
