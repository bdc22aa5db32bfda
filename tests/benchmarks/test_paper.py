"""The rows of the paper's table: which there are, by which commands, and what the page says of them."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("tyro")

from benchmarks.paper import __main__ as paper
from benchmarks.paper import page, results, rows
from benchmarks.paper.rows import ALL, GAMES, Scale
from mas_envs.core.errors import StateError, UsageError
from tests.benchmarks.paper_rows import row, table
from trainers.run.config import CONFIGS
from trainers.run.reading import parse

WORK = Path("runs/paper-tiny")
TINY = Scale("tiny")
ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "benchmarks/results/tiny" / results.FILE


# ---- rows ------------------------------------------------------------------------------------------------------------
def test_every_game_has_the_papers_rows_and_those_that_make_them_fair():
    paper_rows = {"single", "single-grpo", "team", "team-atgrpo-shared", "team-atgrpo-per-role"}
    fair = {"single-turns", "single-turns-grpo", "team-grpo", "random", "expert"}
    for game in GAMES:
        assert paper_rows | fair <= {row.name for row in rows.rows_of(game, ())}
    assert {"tools-atgrpo-shared", "tools-atgrpo-per-role"} <= {row.name for row in rows.rows_of("sudoku", ())}
    assert {"alone-in-team", "swapped", "group-by-turn"} <= {row.name for row in rows.rows_of("plan_path", ())}


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("scale", [TINY, Scale("llm", "a/model", train=("--preset", "paper"), iterations=3)])
def test_commands_are_ones_that_the_trainers_and_evaluate_take(game, scale, monkeypatch):
    from benchmarks.evaluate import Options

    for steps in rows.wanted([game], (), (0, 1), scale, WORK).values():
        for step in steps:
            if step.module == "benchmarks.evaluate":
                options = paper.tyro.cli(Options, args=list(step.arguments))
                assert options.env == game and options.out == WORK / step.name
            else:
                config = parse(step.arguments, CONFIGS[step.module.partition(".")[2]])
                assert config.env == game and config.folder == WORK / step.name
                assert config.preset == ("paper" if scale.name == "llm" else "tiny")
                assert (config.iterations == 0) == step.name.endswith("-start")


def test_rows_of_one_form_game_and_seed_share_a_warm_start_and_no_others_do():
    found = rows.wanted(["plan_path"], (), (0, 1), TINY, WORK)
    starts = {key[1:]: steps[0].name for key, steps in found.items() if len(steps) == 3}
    assert starts["team-grpo", 0] == starts["team-atgrpo-per-role", 0] == starts["group-by-turn", 0]
    assert starts["alone", 0] == starts["team-grpo", 0]  # what was trained alone begins where the team does
    assert len({starts["team-grpo", 0], starts["team-grpo", 1], starts["single-grpo", 0]}) == 3
    models = {
        step.arguments[step.arguments.index("--model") + 1]
        for steps in found.values()
        for step in steps
        if step.name.startswith("plan_path-team-grpo") and "--model" in step.arguments
    }
    assert models == {str(WORK / f"plan_path-team-seed{seed}-start/start/shared") for seed in (0, 1)}


def test_swapped_roles_are_the_policies_of_the_team_with_one_for_each_in_each_others_place():
    steps = rows.wanted(["plan_path"], ("swapped",), (1,), TINY, WORK)["plan_path", "swapped", 1]
    assert [step.name for step in steps][1:] == ["plan_path-team-atgrpo-per-role-seed1", "plan_path-swapped-seed1-play"]
    agent = steps[-1].arguments[steps[-1].arguments.index("--agent") + 1]
    last = WORK / "plan_path-team-atgrpo-per-role-seed1/checkpoints"
    iterations = steps[1].arguments[steps[1].arguments.index("--iterations") + 1]
    last /= f"step-{int(iterations):06d}"
    assert agent == f"planner=hf:{last}/executor,executor=hf:{last}/planner"


def test_every_training_has_about_the_same_cpu_time():
    for game in GAMES:
        for one in (one for one in rows.rows_of(game, ()) if one.trainer):
            seconds = TINY.iterations_of(game, one) * rows.seconds_per_iteration(game, one)
            assert seconds == pytest.approx(rows.RL_SECONDS, rel=0.4), (game, one.name)


def test_a_form_that_a_game_does_not_have_is_left_out_with_the_reason():
    odd = rows.Row("odd", "odd", "odd")
    rows.FORMS["odd"] = rows.Form("quartet")
    try:
        assert "quartet" in rows.unavailable("sokoban", odd)
    finally:
        del rows.FORMS["odd"]
    assert not rows.unavailable("sokoban", ALL["team"])


def test_an_unknown_row_is_refused_with_the_nearest_one():
    with pytest.raises(UsageError, match="'team-grpo'"):
        rows.rows_of("sokoban", ["team-grp"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--games", "sokban"], "Did you mean 'sokoban'"),
        (["--rows", "single-gpro"], "Did you mean"),
        (["--scale", "llm"], "needs --model"),
        (["--model", "some/model"], "--scale llm needs"),
        (["--jobs", "0"], "from 1 to 1000"),
        (["--seeds", "-1"], "--seeds"),
        (["--docs", "--scale", "smoke"], "tiny"),
        (["--docs"], "no rows.jsonl in"),
    ],
)
def test_bad_input_is_refused_with_what_is_allowed(tmp_path, capsys, words, said):
    assert paper.main([*words, "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_list_has_every_row_its_commands_and_minutes_and_makes_nothing(tmp_path, capsys):
    where = ["--out", str(tmp_path / "out"), "--work", "somewhere"]
    assert paper.main(["--list", "--games", "sokoban", "--rows", "single", "single-grpo", *where]) == 0
    said = capsys.readouterr().out
    assert re.findall(r"# sokoban/(\S+): about ([\d.]+) minutes", said) == [
        ("single/seed0", "1.6"), ("single/seed1", "1.6"), ("single-grpo/seed0", "2.9"), ("single-grpo/seed1", "2.9")
    ]  # fmt: skip
    command = "OMP_NUM_THREADS=1 python -m trainers.grpo --env sokoban --roles single --policies shared --model "
    assert command + "somewhere/sokoban-single-seed0-start/start/shared" in said
    assert list(tmp_path.iterdir()) == []


def test_everything_fits_in_five_hours_of_two_cores(capsys):
    assert paper.main(["--list"]) == 0
    (hours,) = re.findall(r"about ([\d.]+) hours of one core", capsys.readouterr().out)
    assert 0 < float(hours) < 10


# ---- files -----------------------------------------------------------------------------------------------------------
def test_finished_rows_are_written_in_the_tables_order_and_read_back(tmp_path):
    rows_ = table(row("sudoku", "team", 1, 3), row("sokoban", "expert", 0, 400), row("sokoban", "random", 0, 3))
    results.write(tmp_path / results.FILE, rows_)
    assert results.read(tmp_path / results.FILE) == rows_
    written = (tmp_path / results.FILE).read_text().splitlines()
    assert ['"random"' in written[0], '"expert"' in written[1], '"sudoku"' in written[2]] == [True] * 3
    assert results.read(tmp_path / "nothing") == {}


GOOD = row("sokoban", "team", 0, 1)
DAMAGED = {
    "cut off": "{",
    "a number": "3",
    "without a row": '{"game": "sokoban"}',
    "another game": json.dumps({**GOOD, "game": "chess"}),
    "without success": json.dumps({key: value for key, value in GOOD.items() if key != "success"}),
    "success in words": json.dumps({**GOOD, "success": "high"}),
    "success that is no number": json.dumps({**GOOD, "success": float("nan")}),
    "an interval of one end": json.dumps({**GOOD, "ci95": [0.1]}),
    "training that is a number": json.dumps({**GOOD, "training": 3}),
    "twice": json.dumps(GOOD) + "\n" + json.dumps(GOOD),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_file_of_rows_is_refused(tmp_path, what):
    (tmp_path / results.FILE).write_text(DAMAGED[what] + "\n")
    with pytest.raises(StateError, match="Line"):
        results.read(tmp_path / results.FILE)


def test_a_row_that_was_made_with_other_settings_is_not_taken_for_this_one():
    steps = rows.wanted(["sokoban"], ("single",), (0,), TINY, WORK)["sokoban", "single", 0]
    commands = [results.command_of(step) for step in steps]
    made = row("sokoban", "single", 0, 1, commands=commands, work=str(WORK))
    results.check_same(made, steps, WORK)
    moved = rows.wanted(["sokoban"], ("single",), (0,), TINY, Path("else/where"))["sokoban", "single", 0]
    results.check_same(made, moved, Path("else/where"))
    spaced = rows.wanted(["sokoban"], ("single",), (0,), TINY, Path("my runs"))["sokoban", "single", 0]
    results.check_same(made, spaced, Path("my runs"))
    commands_there = [results.command_of(step) for step in spaced]
    results.check_same({**made, "commands": commands_there, "work": "my runs"}, steps, WORK)
    with pytest.raises(UsageError, match="other settings"):
        results.check_same({**made, "commands": [*commands[:-1], commands[-1] + " --limit 3"]}, steps, WORK)
    with pytest.raises(UsageError, match="other settings"):
        results.check_same({**made, "commands": commands[:-1]}, steps, WORK)


def test_rows_of_another_scale_or_model_do_not_join(tmp_path):
    there = table(row("sokoban", "team", 0, 1))
    results.check_scale(there, TINY)
    for scale in (Scale("smoke"), Scale("tiny", "another/model")):
        with pytest.raises(UsageError, match="sokoban/team/0 is there, of --scale tiny"):
            results.check_scale(there, scale)


def settled(monkeypatch, during=lambda: None):
    """Has every command done at once, and calls `during` before the first row is recorded."""

    def run_all(steps, folder, code, jobs, done, say):
        during()
        for step in steps:
            done(step)
        return []

    monkeypatch.setattr(paper.work, "run_all", run_all)
    monkeypatch.setattr(results, "record", lambda key, steps, scale, work, code: row(*key, 2, 4, code))


def test_rows_that_another_process_adds_in_the_meantime_stay(tmp_path, monkeypatch):
    out = tmp_path / "out"
    other = table(row("sudoku", "team", 0, 3))
    settled(monkeypatch, lambda: results.write(out / results.FILE, other))
    words = ["--games", "sokoban", "--rows", "team", "random", "--seeds", "0"]
    assert paper.main([*words, "--out", str(out), "--work", str(tmp_path / "work")]) == 0
    assert results.read(out / results.FILE).keys() == {("sokoban", "random", 0), ("sokoban", "team", 0), *other}


def test_a_row_made_while_the_code_changed_says_so(tmp_path, monkeypatch, capsys):
    settled(monkeypatch, lambda: monkeypatch.setattr(paper.work, "code_version", lambda: "v2"))
    monkeypatch.setattr(paper.work, "code_version", lambda: "v1")
    words = ["--games", "sokoban", "--rows", "random", "--seeds", "0"]
    assert paper.main([*words, "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]) == 0
    (made,) = results.read(tmp_path / "out" / results.FILE).values()
    assert made["code"] == "v1, then v2" and "the code has changed" in capsys.readouterr().out
    assert "no commit holds" in (tmp_path / "out/tables.md").read_text()


def test_the_page_of_the_docs_is_made_of_the_committed_rows():
    assert (ROOT / "docs/results.md").read_text() == page.text(results.read(COMMITTED)), (
        "docs/results.md is not what benchmarks/results/tiny/rows.jsonl gives: python -m benchmarks.paper --docs"
    )


def test_the_committed_rows_are_of_one_commit():
    assert len(results.versions_of_code(results.read(COMMITTED))) <= 1
