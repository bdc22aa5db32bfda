"""The viewer of episodes in a real browser."""

import pytest

pytest.importorskip("tyro")

from tests.benchmarks.sites import choose, entry, where

pytestmark = pytest.mark.chromium


def test_an_episode_is_played_by_keyboard(site, tab, shots):
    tab.open(entry(site, "random"))
    steps = tab.js("Number(document.querySelector('#slider').max)")
    assert where(tab).endswith(f"step 0 of {steps}: the beginning")
    first = tab.js("document.querySelector('.board-now img').src")
    tab.key("ArrowRight")
    assert f"step 1 of {steps}: planner_0" in where(tab)
    tab.key("ArrowRight")
    assert f"step 2 of {steps}: executor_0" in where(tab)
    assert [text.split("\n")[0] for text in tab.texts(".lane h3")] == ["planner_0", "executor_0"]
    assert "team" in tab.texts(".terms")[0]
    tab.screenshot(shots / "episode.png")
    tab.key("ArrowLeft")
    assert f"step 1 of {steps}" in where(tab)
    tab.key("End")
    assert f"step {steps} of {steps}" in where(tab)
    assert tab.js("document.querySelector('#next').disabled")
    tab.key("Home")
    assert f"step 0 of {steps}" in where(tab)
    assert tab.js("document.querySelector('.board-now img').src") == first
    tab.key("]")
    assert where(tab).startswith("task 1 ")
    tab.key("[")
    assert where(tab).startswith("task 0 ")


def test_space_plays_to_the_end_and_stops_there(site, tab):
    tab.open(entry(site, "expert"))
    tab.key(" ")
    assert tab.texts("#play") == ["\u2016 Pause"]
    steps = tab.js("Number(document.querySelector('#slider').max)")
    assert tab.soon(f"document.querySelector('#slider').value === '{steps}'")
    assert "Play" in tab.texts("#play")[0] and "Solved." in tab.texts("figcaption")[0]


def test_the_scrubber_the_buttons_and_the_list_move_too(site, tab):
    tab.open(entry(site, "random"))
    choose(tab, "#slider", "3")
    assert "step 3 of" in where(tab)
    tab.click("#back")
    assert "step 2 of" in where(tab)
    tab.js("document.querySelector('#slider').focus()")
    tab.key("ArrowRight")
    assert "step 3 of" in where(tab), "one step, not two"
    tab.js("document.querySelector('.list').focus()")
    tab.key("ArrowDown")
    assert where(tab).startswith("task 1 ") and "step 0 of" in where(tab)
    assert tab.texts("[aria-selected=true]")[0].startswith("task 1")
    tab.click(".list li:nth-child(5)")
    assert where(tab).startswith("task 4 ")


def test_an_address_leads_to_a_moment(site, tab):
    tab.open(entry(site, "random", "#episode=2&step=3"))
    assert where(tab).startswith("task 2 ") and "step 3 of" in where(tab)
    tab.open(entry(site, "random", "#episode=nonsense&step=-5"))
    assert where(tab).startswith("task 0 ") and "step 0 of" in where(tab)
    tab.open(entry(site, "random", "#episode=1&step=1.4"))
    assert where(tab).startswith("task 1 ") and "step 1 of" in where(tab)
    tab.js("location.hash = '#episode=3&step=2'")
    assert tab.soon("document.querySelector('#where').textContent.startsWith('task 3 ')") and "step 2 of" in where(tab)


def test_the_address_follows_what_is_shown(site, tab):
    tab.open(entry(site, "random"))
    tab.key("]")
    tab.key("ArrowRight")
    assert tab.soon("location.hash === '#episode=1&step=1'")
    tab.js("for (let i = 0; i < 400; i += 1) document.querySelector(i % 2 ? '#next' : '#back').click()")
    assert tab.soon("location.hash === '#episode=1&step=1'") and tab.errors == [], "browsers refuse 200 addresses"


def test_a_prompt_is_there_when_it_is_asked_for(site, tab):
    tab.open(entry(site, "random"))
    tab.key("ArrowRight")
    assert tab.texts(".lane details pre") == []
    tab.click(".lane details summary")
    assert tab.texts(".lane details pre")[0].endswith("planner")
    tab.key("ArrowRight")
    assert len(tab.texts(".lane details pre")) == 1, "the planner's stays open, the executor's is closed"


def test_the_candidates_of_a_group_are_shown_with_rewards_and_the_one_chosen(site, tab, shots):
    tab.open(entry(site, "learned"))
    choose(tab, "#outcome", "tree")
    assert [text.split("\n")[0] for text in tab.texts(".list li")] == ["iteration 10", "iteration 20"]
    assert tab.texts(".candidates li") == []
    tab.key("ArrowRight")
    [chosen] = tab.texts(".candidates li.chosen pre")
    assert [chosen] == tab.texts(".lane[data-agent=planner_0] pre.said")
    assert tab.texts(".candidates h3") == ["6 candidates of planner_0, from one prompt"]
    rewards = [float(text.split("\n")[0].replace("\u2212", "-")) for text in tab.texts(".candidates .amount")]
    assert rewards == sorted(rewards, reverse=True)
    tab.screenshot(shots / "candidates.png")


def test_a_game_without_pictures_shows_its_text(site, tab, shots):
    tab.open(entry(site, "math"))
    assert tab.texts(".board-now img") == [] and tab.texts(".board-now pre")[0].startswith("math_verify test/0")
    tab.key("ArrowRight")
    tab.screenshot(shots / "math.png")
    assert any(text.startswith("Majority at 2") for text in tab.texts(".figures div"))
    names = [text.split("\n")[0] for text in tab.texts(".list li")]
    assert names[:3] == ["task 0, attempt 0", "task 0, attempt 1", "task 1, attempt 0"]
