"""Faults of the infrastructure are retried, and masked where they stay: they are never a reward of 0."""

import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from mas_envs import code_test_v0
from mas_envs.agents import ExpertAgent, play
from mas_envs.core.game import Result
from mas_envs.games.code_test import CodeTest
from mas_envs.games.code_test.effects import JudgeProgram
from mas_envs.games.code_test.runner import CodeRunner
from mas_envs.sandbox import Result as Ran
from mas_envs.sandbox import Sandbox, Verdict
from tests.games.code_test_played import CODER, RIGHT, SUM, TESTER, answers

EXPERTS = {"coder": ExpertAgent(), "tester": ExpertAgent()}


class Lost(Sandbox):
    """A sandbox whose runs come to nothing, the first `losses` of them or those of some programs."""

    losses = 0
    program = ""

    def run_many(self, jobs):
        found = super().run_many(jobs)
        for place, job in enumerate(jobs):
            if self.losses > 0 or (self.program and self.program in job.program):
                self.losses -= 1
                found[place] = Ran(Verdict.INFRASTRUCTURE, "lost")
        return found


@pytest.fixture(scope="module")
def lost():
    with Lost(workers=1) as sandbox:
        yield sandbox


def test_a_run_that_is_lost_once_is_carried_out_again(lost):
    lost.losses, lost.program = 1, ""
    env = code_test_v0.parallel_env(effect_runner=CodeRunner(lost))
    env.reset(options={"task": SUM})
    _, rewards, terminated, _, infos = env.step(answers(RIGHT, ("4 5", "9")))
    assert infos[CODER]["success"] and not infos[CODER]["mask_sample"] and all(terminated.values())
    assert rewards[CODER] > 2


def test_a_run_that_stays_lost_masks_the_sample_and_every_agent_is_truncated(lost):
    lost.losses, lost.program = 99, ""
    env = code_test_v0.parallel_env(effect_runner=CodeRunner(lost))
    env.reset(options={"task": SUM})
    _, rewards, terminated, truncated, infos = env.step(answers(RIGHT, ("4 5", "9")))
    assert all(truncated.values()) and not any(terminated.values()) and set(rewards.values()) == {0.0}
    assert infos[CODER]["mask_sample"] and infos[TESTER]["mask_sample"]


def test_of_several_tasks_only_the_one_whose_run_was_lost_is_masked(lost):
    game = CodeTest(style="compact")
    tasks = [game.task("test", i) for i in range(4)]
    lost.losses, lost.program = 0, tasks[2].content.reference
    episodes = play(game, EXPERTS, tasks, effect_runner=CodeRunner(lost))
    masked = [task.content.reference == lost.program for task in tasks]
    assert [episode.masked for episode in episodes] == masked and any(masked) and not all(masked)
    assert all(episode.success for episode in episodes if not episode.masked)
    assert episodes[2].returns is None and episodes[2].moments[-1].rewards is None


def test_zygotes_killed_during_a_rollout_change_no_result():
    game = CodeTest(style="compact", difficulty="any")
    tasks = [game.task("test", i) for i in range(40)]
    others = children()
    with Sandbox(workers=1, packages=(), layers=("seccomp", "landlock")) as sandbox:  # so a child is a zygote
        expected = play(game, EXPERTS, tasks, effect_runner=CodeRunner(sandbox))
        killed, over = set(), threading.Event()

        def kill_now_and_then():
            while not over.wait(0.5):
                for zygote in children() - others:
                    with suppress(ProcessLookupError):
                        os.kill(zygote, signal.SIGKILL)
                        killed.add(zygote)

        killer = threading.Thread(target=kill_now_and_then)
        killer.start()
        try:
            played = [play(game, EXPERTS, tasks, effect_runner=CodeRunner(sandbox))]
            while len(killed) < 2 and len(played) < 30:
                played.append(play(game, EXPERTS, tasks, effect_runner=CodeRunner(sandbox)))
        finally:
            over.set()
            killer.join()
        assert len(killed) >= 2 and all(episodes == expected for episodes in played)
        assert all(episode.success for episode in expected)


def children():
    """Returns the process ids of this process' children that run."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = status.read_bytes().rpartition(b")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == os.getpid() and state != b"Z":
            found.add(int(status.parent.name))
    return found


def test_tests_that_do_not_run_are_our_fault_and_no_verdict_on_the_program():
    broken = replace(SUM, kind="function", entry_point="f", asserts=("import sys; sys.exit(3)",))
    (result,) = CodeRunner()([JudgeProgram("def f(): return 1", broken)])
    assert result == Result(failed=True)


def test_running_begins_no_sandbox_until_there_is_something_to_run(monkeypatch):
    monkeypatch.setattr("mas_envs.games.code_test.runner.shared_sandbox", lambda: pytest.fail("it was started"))
    env = code_test_v0.parallel_env()
    env.reset(seed=1)
    _, _, _, truncated, infos = env.step({CODER: "", TESTER: ""})
    assert set(infos[CODER]["error"].split()) >= {"no", "program:"} and not any(truncated.values())
