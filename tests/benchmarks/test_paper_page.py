"""What the page of the paper's table says of the rows that there are: numbers, verdicts, and what is not there."""

import pytest

pytest.importorskip("tyro")

from benchmarks.paper import page, published
from benchmarks.paper.claims import CLAIMS, Claim, difference, reported, shown, verdict
from tests.benchmarks.paper_rows import row, table

TRAINED = Claim("single-grpo", "single", "GRPO helps")


@pytest.mark.parametrize(
    ("one", "other", "interval"),
    [((56, 70), (48, 80), (0.0524, 0.3339)), ((9, 10), (3, 10), (0.1705, 0.8090)), ((10, 10), (0, 10), (0.6075, 1.0))],
)
def test_the_interval_of_a_difference_is_newcombes(one, other, interval):
    a, b = row("sokoban", "single", 0, *one), row("sokoban", "single", 1, *other)
    assert difference(a, b) == pytest.approx(interval, abs=1e-4)
    assert difference(b, a) == pytest.approx((-interval[1], -interval[0]), abs=1e-4)


def test_a_claim_is_shown_where_the_difference_is_more_than_chance_in_every_seed():
    apart = [row("sokoban", "single", 0, 200), row("sokoban", "single-grpo", 0, 260)]
    close = [row("sokoban", "single", 1, 200), row("sokoban", "single-grpo", 1, 210)]
    turned = [row("sokoban", "single", 2, 260), row("sokoban", "single-grpo", 2, 200)]
    assert shown(table(*apart), "sokoban", TRAINED) == "yes"
    assert shown(table(*apart, *close), "sokoban", TRAINED) == "unclear"
    assert shown(table(*turned), "sokoban", TRAINED) == "reversed"
    assert shown(table(*apart, *turned), "sokoban", TRAINED) == "unclear"
    assert shown(table(apart[0], close[1]), "sokoban", TRAINED) == ""  # no seed has both
    assert shown(table(*apart), "sudoku", TRAINED) == ""


def test_rows_of_other_code_or_other_tasks_are_not_compared():
    single = row("sokoban", "single", 0, 200)
    for other in ({"code": "def"}, {"tasks": "sokoban/hard@1"}, {"n": 300}):
        rows_ = table(single, row("sokoban", "single-grpo", 0, 280, **other))
        assert shown(rows_, "sokoban", TRAINED) == "" and page.claims_table(rows_, "sokoban", CLAIMS) == []
        assert page.not_the_same(rows_) == []


def test_points_are_of_the_seeds_that_the_verdict_is_of():
    start = [row("sokoban", "single", seed, 200 * (1 - seed)) for seed in (0, 1)]
    rows_ = table(*start, row("sokoban", "single-grpo", 0, 280))
    assert "| +3.0 / +5.0 | +20.0 | the same (one seed) |" in page.claims_table(rows_, "sokoban", CLAIMS)[-1]


def test_the_page_says_what_was_played_and_what_is_masked():
    rows_ = table(
        row("sudoku", "team", 0, 4, 9), row("sokoban", "single", 0, 2), row("sokoban", "team", 1, 2, masked=3)
    )
    assert page.played(rows_, "sudoku") == "Played: `sudoku/standard@1`, 9 episodes."
    assert page.played(rows_, "sokoban") == (
        "Played: `sokoban/standard@1`, 400 episodes. Masked, and left out: 3 of team/seed1."
    )
    assert page.played(rows_, "sokoban") in page.text(rows_)
    rows_ |= table(row("sokoban", "expert", 0, 4, 4))
    assert page.played(rows_, "sokoban").startswith("**Rows of different tasks, not to be compared**: ")


def test_the_page_says_plainly_where_ours_does_not_show_what_the_paper_does():
    def both(single, trained):
        made = ((name, seed, n) for name, n in (("single", single), ("single-grpo", trained)) for seed in (0, 1))
        return table(*(row("plan_path", name, seed, n) for name, seed, n in made))

    rows_ = both(200, 202)
    assert page.not_the_same(rows_) == [
        "- Plan-Path: GRPO helps a single agent. Ours: 0.505 against 0.500; within chance, or seeds disagree."
    ]
    rows_ = both(300, 100)
    assert "0.250 against 0.750; the opposite, in every seed" in page.not_the_same(rows_)[0]
    assert "ours shows the **opposite**" in "\n".join(page.claims_table(rows_, "plan_path", CLAIMS))
    rows_ = both(100, 300)
    assert page.not_the_same(rows_) == []
    assert "| GRPO helps a single agent | +6.0 / +35.0 | +50.0 | the same |" in page.claims_table(
        rows_, "plan_path", CLAIMS
    )


def test_the_papers_numbers_stand_beside_ours():
    lines = page.game_table(
        table(row("sokoban", "team-atgrpo-per-role", 0, 300), row("sokoban", "team", 1, 4)), "sokoban"
    )
    (line,) = (line for line in lines if "one per role" in line and line.startswith("| team"))
    assert line.startswith("| team + AT-GRPO, one per role | 0.750 [0.705, 0.790] |  | **0.750** |")
    assert line.endswith("| 11.5 | 98.0 |")
    assert lines[0].count("|") == lines[1].count("|") == line.count("|")
    assert any("| not made |" in line and line.startswith("| single agent |") for line in lines)


def test_rows_of_other_code_are_flagged():
    rows_ = table(row("sokoban", "team", 0, 1), row("sokoban", "single", 0, 1), row("sudoku", "team", 0, 1, code="def"))
    lines = page.provenance(rows_)
    assert "`abc`" in lines[0] and "`def`" in lines[1] and "sudoku/team/0" in lines[1]
    assert len(page.provenance(table(row("sokoban", "team", 0, 1)))) == 1
    assert "no commit holds" in page.provenance(table(row("sokoban", "team", 0, 1, code="abc+12")))[-1]


def test_the_published_numbers_are_the_papers():
    assert published.success("plan_path", "team-atgrpo-shared", "Qwen3-1.7B") == (96.0,)
    assert published.success("plan_path", "tools-atgrpo-per-role", "Qwen3-8B") == (96.0,)
    assert published.success("sudoku", "single", "Qwen3-1.7B") == (7.0,)
    assert published.success("math_verify", "team", "Qwen3-8B") == (36.6, 30.0, 56.5)
    assert published.success("sokoban", "random", "Qwen3-8B") == ()
    assert published.ablation("swapped") == (6.0,)
    assert reported("plan_path", Claim("team-atgrpo-per-role", "swapped", "")) == [90.0]


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ((90.0, 0.0), "ours does **not** show it"),
        ((5.0, -1.0), "the paper's numbers are mixed; ours does **not** show it"),
        ((0.0, -0.5), "the paper's numbers do not show it; ours does **not** show it"),
        ((), "ours does **not** show it"),
    ],
)
def test_a_claim_is_the_papers_where_some_of_its_numbers_show_it_and_none_the_opposite(points, says):
    assert verdict(points, "unclear") == says


def test_rows_of_other_packages_are_named_and_not_compared():
    rows_ = table(row("sokoban", "single", 0, 100), row("sokoban", "single-grpo", 0, 300, versions={"torch": "3"}))
    assert page.claims_table(rows_, "sokoban", CLAIMS) == []
    assert any("Of other packages" in line and "single-grpo/0" in line for line in page.provenance(rows_))
    assert "No rows are there yet that could be compared." in page.text(rows_)


def test_what_is_not_made_is_named_and_a_verdict_of_one_seed_says_so():
    rows_ = table(row("sokoban", "single", 0, 300), row("sokoban", "single-grpo", 0, 100))
    (line,) = page.not_made(rows_)
    whole = len(page.wanted(["sokoban"], (), page.SEEDS, page.Scale("tiny"), page.Path()))
    assert f"Sokoban {whole - 2} of {whole}, Plan-Path all " in line and line in page.text(rows_)
    assert "ours shows the **opposite** (one seed)" in page.claims_table(rows_, "sokoban", CLAIMS)[-1]
    assert "in one seed, the opposite" in page.not_the_same(rows_)[0]
    every = page.wanted(page.GAMES, (), page.SEEDS, page.Scale("tiny"), page.Path())
    assert page.not_made(table(*(row(*key, 1) for key in every))) == []


@pytest.mark.parametrize("game", page.GAMES)
def test_a_page_of_any_one_row_can_be_written(game, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(page, "DOCS", tmp_path)
    page.write_docs(table(row(game, "expert", 1, 400)))
    written = (tmp_path / "results.md").read_text()
    assert "| scripted experts | 1.000 [0.990, 1.000] |" in written and written.count("not made") >= 9
    assert (tmp_path / f"assets/results-{game}.png").stat().st_size > 10_000
