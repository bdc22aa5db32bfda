"""Commands run side by side, each once; a killed table goes on without losing a finished row."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("tyro")

from benchmarks.paper import results, work
from benchmarks.paper.rows import Step
from mas_envs.core.errors import StateError

ROOT = Path(__file__).parents[2]
FAKE = """
import pathlib, sys, time
folder, seconds = pathlib.Path(sys.argv[1]), float(sys.argv[2])
folder.mkdir(exist_ok=True)
with (folder / "log").open("a") as file:
    file.write(f"begin {time.monotonic()}\\n")
time.sleep(seconds)
if len(sys.argv) > 3 and not pathlib.Path(sys.argv[3]).exists():
    sys.exit("it lacks " + sys.argv[3])
with (folder / "log").open("a") as file:
    file.write(f"end {time.monotonic()}\\n")
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Returns a maker of steps that note when they begin and end."""
    (tmp_path / "fake_command.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = tmp_path / "work"
    folder.mkdir()

    def make(name, *needs, seconds=0.0, wants=""):
        words = (str(folder / name), str(seconds), *((str(tmp_path / wants),) if wants else ()))
        return Step(name, "fake_command", words, needs, 1.0)

    return make


def run(tmp_path, *steps, jobs=2, code="v1"):
    done, said = [], []
    failed = work.run_all(steps, tmp_path / "work", code, jobs, lambda step: done.append(step.name), said.append)
    return done, failed, said


def log(tmp_path, name):
    return [line.split()[0] for line in (tmp_path / "work" / name / "log").read_text().splitlines()]


def times(tmp_path, name):
    return [float(line.split()[1]) for line in (tmp_path / "work" / name / "log").read_text().splitlines()]


def test_steps_run_once_and_after_what_they_need(tmp_path, fake):
    steps = [fake("last", "middle"), fake("middle", "first"), fake("first")]
    assert run(tmp_path, *steps)[:2] == (["first", "middle", "last"], [])
    assert times(tmp_path, "first")[1] <= times(tmp_path, "middle")[0]
    assert times(tmp_path, "middle")[1] <= times(tmp_path, "last")[0]
    assert run(tmp_path, *steps)[:2] == (["first", "middle", "last"], [])  # they are there
    assert [log(tmp_path, step.name) for step in steps] == [["begin", "end"]] * 3


def test_as_many_run_side_by_side_as_are_allowed(tmp_path, fake):
    names = ["a", "b", "c", "d"]
    run(tmp_path, *(fake(name, seconds=0.4) for name in names), jobs=2)
    spans = [times(tmp_path, name) for name in names]
    at_once = max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans)
    assert at_once == 2


def test_what_fails_stops_what_needs_it_and_nothing_else_and_is_tried_again(tmp_path, fake):
    steps = [fake("odd", wants="thing"), fake("needs-it", "odd"), fake("other")]
    done, failed, said = run(tmp_path, *steps)
    assert done == ["other"] and sorted(failed) == ["needs-it", "odd"]
    assert any("it lacks" in line for line in said)  # the end of what it printed
    (tmp_path / "thing").write_text("")
    assert run(tmp_path, *steps)[1] == []


def test_what_other_code_or_another_command_made_is_made_anew(tmp_path, fake):
    run(tmp_path, fake("a"), code="v1")
    run(tmp_path, fake("a"), code="v2")
    assert log(tmp_path, "a") == ["begin", "end"]  # its folder was cleared
    state = json.loads((tmp_path / "work/a.json").read_text())
    assert (state["code"], state["done"]) == ("v2", True)
    assert not work.is_done(fake("a", seconds=0.1), tmp_path / "work", "v2")
    assert work.is_done(fake("a"), tmp_path / "work", "v2")


def test_what_needs_a_step_that_was_made_anew_is_made_anew(tmp_path, fake):
    last = fake("last", "middle")
    run(tmp_path, fake("first"), fake("middle", "first"), last)
    begun = times(tmp_path, "last")[0]
    slower = fake("first", seconds=0.01)
    run(tmp_path, slower)  # and then the command is stopped
    assert run(tmp_path, slower, fake("middle", "first"), last)[:2] == (["first", "middle", "last"], [])
    assert times(tmp_path, "last")[0] > times(tmp_path, "middle")[1] > begun


def test_what_was_begun_goes_on_in_its_folder(tmp_path, fake):
    step = fake("a", seconds=30)
    for begins in (1, 2):
        assert not work.is_done(step, tmp_path / "work", "v1")
        process = work.start(step, tmp_path / "work", "v1")
        path = tmp_path / "work/a/log"
        wait_until(lambda path=path, begins=begins: path.exists() and path.read_text().count("begin") == begins, 30)
        process.kill()
        process.wait()


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": 1}', "[" * 100_000])
def test_a_damaged_record_of_a_step_is_refused(tmp_path, fake, content):
    (tmp_path / "work/a.json").write_text(content)
    with pytest.raises(StateError, match=r"a\.json"):
        run(tmp_path, fake("a"))


def test_the_version_of_the_code_is_a_commit_and_names_changes(tmp_path, monkeypatch):
    def git(*words):
        names = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", *names, *words], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(work, "ROOT", tmp_path)
    assert work.code_version() == "unknown"
    (tmp_path / "mas_envs").mkdir()
    (tmp_path / "mas_envs/rules.py").write_text("a = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    first = work.code_version()
    assert len(first) >= 10 and "+" not in first
    (tmp_path / "results").write_text("rows")
    git("add", ".")
    git("commit", "-qm", "results")
    assert work.code_version() == first  # results are no code
    (tmp_path / "mas_envs/rules.py").write_text("a = 2\n")
    changed = work.code_version()
    assert changed.startswith(f"{first}+")
    (tmp_path / "mas_envs/more.py").write_text("")
    assert work.code_version() not in (first, changed)


# ---- the whole of it -------------------------------------------------------------------------------------------------
def start(folder, *more, scale="smoke"):
    words = ["--scale", scale, "--games", "sokoban", "--seeds", "0", *more]
    words += ["--out", str(folder / "out"), "--work", str(folder / "work")]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.paper", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(what, seconds=180):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_table_takes_its_commands_along_and_goes_on_with_every_row_that_was_finished(tmp_path):
    which = ["--rows", "random", "single", "single-grpo", "--jobs", "1"]
    process = start(tmp_path, *which)
    path = tmp_path / "out" / results.FILE
    wait_until(lambda: path.exists() or process.poll() is not None)
    running = wait_until(lambda: children(process.pid))
    process.kill()
    process.communicate()
    wait_until(lambda: not any(map(alive, running)), 20)
    before = path.read_text().splitlines()
    assert len(before) in (1, 2)
    process = start(tmp_path, *which)  # the second time it is asked to stop, in the midst of a command
    wait_until(lambda: children(process.pid) or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    output = process.communicate()[0]
    assert process.returncode == 130 and "goes on" in output
    process = start(tmp_path, *which)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    rows = results.read(path)
    assert list(rows) == [("sokoban", name, 0) for name in ("random", "single", "single-grpo")]
    assert set(before) <= set(path.read_text().splitlines())
    trained = rows["sokoban", "single-grpo", 0]
    assert trained["training"]["iterations"] == 1 and trained["training"]["tokens_generated"] > 0
    assert trained["start"]["parameters"] > 1e5 and trained["episodes"] == 4
    assert all(Path(tmp_path, "out", name).stat().st_size > 500 for name in ("tables.md", "sokoban.png"))
    process = start(tmp_path, *which)
    output = process.communicate()[0]
    assert "3 of 3 rows are there" in output and "start:" not in output
    process = start(tmp_path, *which, "--limit", "3")
    output = process.communicate()[0]
    assert process.returncode == 2 and "other settings" in output


@pytest.mark.slow
def test_the_scale_llm_makes_the_same_rows_with_a_model(tmp_path):
    from transformers import LlamaConfig

    from tests.trainers.small import random_policy
    from trainers.policies.tiny import make_tokenizer

    tokenizer = make_tokenizer(())
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
        tie_word_embeddings=False,
    )  # fmt: skip
    random_policy(config, tokenizer, 4).save(tmp_path / "llama")
    small = ["--iterations", "1", "--limit", "2", "--max-new-tokens", "3", "--model", str(tmp_path / "llama")]
    process = start(tmp_path, "--rows", "team", "team-atgrpo-per-role", *small, scale="llm")
    output = process.communicate()[0]
    assert process.returncode == 0, output
    rows = results.read(tmp_path / "out" / results.FILE)
    plain, trained = rows["sokoban", "team", 0], rows["sokoban", "team-atgrpo-per-role", 0]
    assert len(plain["commands"]) == 1 and len(trained["commands"]) == 2  # there is no warm start
    assert "training" not in plain and trained["training"]["tokens_generated"] > 0
    assert trained["model"] == str(tmp_path / "llama") and os.fspath(tmp_path) in plain["commands"][0]
