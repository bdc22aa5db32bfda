"""The leaderboard's pages in a real browser, opened from files.

Screenshots stay in the folder that MAS_ENVS_TEST_ARTEFACTS names, where it names one.
"""

import pytest

pytest.importorskip("tyro")

from tests.benchmarks.sites import choose, entry, pages

pytestmark = pytest.mark.chromium
ALL_SIZES = [(1280, 900), (390, 844), (320, 568)]


def test_every_page_opens_from_a_file_asks_for_nothing_else_and_complains_of_nothing(site, tab):
    assert len(pages(site)) == 7
    for address in pages(site):
        tab.open(address)
        assert tab.texts("h1") and tab.errors == []
        assert [url for url in tab.requests if not url.startswith("data:")] == [address]


def test_texts_of_strangers_do_not_run(site, tab):
    for address in pages(site):
        tab.open(address)
        for _ in range(3):
            tab.key("ArrowRight")
        tab.js("document.querySelectorAll('b, strong, bdi, pre, li, td').forEach(each => each.click())")
        assert tab.js("window.pwned") is None and tab.errors == []
        assert (
            tab.js("document.scripts.length") == 2
            and tab.js("document.querySelectorAll('[onerror],[onload]').length") == 0
        )
    tab.open(pages(site)[0])
    assert "<img src=x onerror=window.pwned=1>" in tab.texts("td bdi")


def test_a_script_that_got_into_a_page_would_be_dead(site, tab):
    tab.open(pages(site)[0])
    tab.js("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'}))")
    tab.js("document.body.insertAdjacentHTML('beforeend', '<img src=data: onerror=window.pwned=1>')")
    tab.js("new Promise(done => setTimeout(done, 200))")
    assert tab.js("window.pwned") is None
    assert any("Content Security Policy" in error for error in tab.errors)


def test_columns_sort_both_ways_by_mouse_and_by_keyboard(site, tab, shots):
    tab.open(pages(site)[0])
    board = tab.texts(".board h2")
    number = next(i for i, title in enumerate(board) if title.startswith("sokoban/standard") and "12 tasks" in title)
    names, heads = f"#board-{number} ~ table td:nth-child(2) a", f"#board-{number} ~ table th"
    assert tab.texts(names)[0] == "expert" and len(tab.texts(names)) == 3
    tab.screenshot(shots / "leaderboard.png")
    tab.click(f"{heads}:nth-child(5) button")
    turns = [float(text) for text in tab.texts(f"#board-{number} ~ table td:nth-child(5)")]
    assert turns == sorted(turns)
    assert tab.js(f"document.querySelector('{heads}:nth-child(5)').ariaSort") == "ascending"
    tab.key("Enter")
    turns = [float(text) for text in tab.texts(f"#board-{number} ~ table td:nth-child(5)")]
    assert turns == sorted(turns, reverse=True)
    assert tab.js(f"document.querySelector('{heads}:nth-child(1)').ariaSort") == "none"
    tab.click(f"{heads}:nth-child(2) button")
    assert tab.texts(names) == ["expert", "learned", "random"]


def test_filters_narrow_what_is_shown_and_say_how_much(site, tab):
    tab.open(pages(site)[0])
    assert tab.texts("#shown") == ["8 entries shown"]
    choose(tab, "#game", "math_verify")
    assert tab.texts("#shown") == ["2 entries shown"]
    assert all(title.startswith("math_verify") for title in tab.texts(".board h2"))
    choose(tab, "#game", "")
    tab.click("#agent")
    tab.type("RUN/CHECKPOINTS")
    assert tab.texts("td:nth-child(2) a") == ["learned"] and tab.texts("#shown") == ["1 entry shown"]
    choose(tab, "#agent", "lies")
    assert tab.texts("td:nth-child(2) a") == [] and tab.texts(".unverified strong") == ["lies"]
    tab.key("Enter")
    assert tab.texts("#shown") == ["1 entry shown"], "submitting the form loads no other page"


def test_what_does_not_verify_is_marked(site, tab):
    tab.open(pages(site)[0])
    assert len(tab.texts(".unverified .badge")) == 2
    assert "lies" not in tab.texts("td:nth-child(2) a")


@pytest.mark.parametrize("size", ALL_SIZES)
def test_nothing_is_wider_than_the_viewport(site, tab, shots, size):
    tab.size(*size)
    for address in pages(site):
        tab.open(address)
        for _ in range(2):
            assert tab.js("document.documentElement.scrollWidth") <= size[0], address
            tab.key("ArrowRight")
    tab.open(entry(site, "learned", "#step=2"))
    tab.screenshot(shots / f"episode-{size[0]}.png")
    tab.open(pages(site)[0])
    tab.screenshot(shots / f"leaderboard-{size[0]}.png")


BACKGROUND = "getComputedStyle(document.body).backgroundColor"


def test_colours_follow_the_system_until_somebody_chooses(site, tab, shots):
    tab.open(pages(site)[0])
    light = tab.js(BACKGROUND)
    tab.dark(True)
    dark = tab.js(BACKGROUND)
    assert light != dark
    assert tab.soon("document.querySelector('#theme').ariaPressed === 'true'")
    tab.screenshot(shots / "leaderboard-dark.png")
    tab.click("#theme")
    assert tab.js(BACKGROUND) == light
    tab.open(entry(site, "random"))
    assert tab.js(BACKGROUND) == light, "the choice holds on the other pages"
    tab.dark(False)
    tab.click("#theme")
    assert tab.js(BACKGROUND) == dark
    tab.screenshot(shots / "episode-dark.png")
    tab.js("localStorage.clear()")


CONTRAST = """
(() => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (colours) => {
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const kinds = "p, a, td, th button, small, span, dt, dd, h1, h2, h3, li, label, pre, summary";
  let worst = [99, ""];
  for (const each of document.querySelectorAll(kinds)) {
    if (!each.checkVisibility() || !each.innerText.trim()) continue;
    const behind = [];
    for (let e = each; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
    const [a, b] = [light(over(behind)), light(over([...behind, getComputedStyle(each).color]))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, `${each.tagName} ${each.className} ${each.innerText.slice(0, 30)}`];
  }
  return worst;
})()
"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_what_is_behind_it(site, tab, dark):
    tab.dark(dark)
    for address in (pages(site)[0], entry(site, "learned", "#episode=12&step=2")):
        tab.open(address)
        ratio, which = tab.js(CONTRAST)
        assert 4.5 <= ratio < 99, which


def test_everything_that_can_be_used_has_a_name_and_shows_its_focus(site, tab):
    unnamed = (
        "[...document.querySelectorAll('button, input, select, a, [tabindex], svg[role], img')].filter(e => {}).length"
    )
    name = "!(e.innerText || e.ariaLabel || e.alt || (e.labels && e.labels.length))"
    for address in pages(site):
        tab.open(address)
        tab.key("ArrowRight")
        assert tab.js(unnamed.format(f"e.checkVisibility() && {name}")) == 0, address
    tab.open(entry(site, "random"))
    tab.js("document.querySelector('#next').focus({focusVisible: true})")
    assert tab.js("getComputedStyle(document.querySelector('#next')).outlineStyle") == "solid"
