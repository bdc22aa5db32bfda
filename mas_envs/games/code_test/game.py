"""# Code-test

A coder writes a program and a tester writes test cases for it, from the same statement and, by default, at the same
time. The program is run on the cases; both read where it failed, and go on until they agree or the turns are spent.
The program that stands at the end is judged by hidden tests, which no agent ever sees.

**Roles**: `coder_0` and `tester_0`. With `order="sequential"` the tester reads the program before it writes its cases;
with `roles="single"` one coder plays alone, and its program is run on the statement's samples.

**Answers**: the coder's is the last block between lines of ```, or the whole text where there is none. The tester's are
blocks after `Input:` and `Output:`, a JSON list of `{"input": ..., "output": ...}`, or `in 3 4 out 7 in 5 out 5`; the
first four count. Any text is a legal answer; one that cannot be read leaves the earlier program standing, or no cases.

**The end**: an episode ends when the program passes all of a turn's cases, one at least (a single coder's: all
samples), or when the turns are spent. Neither that nor anything that agents read depends on hidden tests. `success` is
said at the end alone: the program that stands then passes every hidden test. What agents read of a case is its input,
what the tester expected, and what the program printed (400 characters of each, the middle left out) or how it crashed;
6,000 characters in all, the latest turn's first.

**Rewards** are differences of potentials that begin at 0, so an episode's sum of a term is what the term is worth at
its end, and nothing is earned by taking long:

    team    hidden   1 x share of the hidden tests that the present program passes
    team    success  1 when the episode ends with all of them passed
    coder   format   -0.1 while the latest answer holds no program
    coder   runs     0.1 x share of the hidden tests on which the program ends well and prints something
    coder   cases    0.3 x share of the tester's valid cases that the program passes (the latest turn that had any)
    tester  format   -0.1 while the latest answer holds no cases
    tester  valid    0.3 x share of all its cases so far that are valid, new and not trivial
    tester  kills    0.6 x share of the wrong programs that its cases so far have told from a right one

A case is *valid* if what it expects is right: the reference agrees, or where there is none, all of up to three accepted
programs do, and two at least; where neither is known, no case is. *New* is an input that stands neither in the
statement nor in an earlier case, however it is written (`07` is 7). *Trivial* is a case that tells no wrong program
from a right one. Wrong programs are those known with the problem (of a generated one, typical mutations of its
reference) and, counted as one more, the coder's own: the present one, and an earlier one that failed hidden tests
unnoticed. Where a file knows no wrong program of a problem, no case of it is trivial.

**Tasks** are generated: say something (the *family*: their sum, the largest, the longest run of equal ones, ...) of the
numbers of a line that were kept by a filter and changed by a map. Easy ones have a filter or a map, medium ones both;
hard and expert ones are of families of their own. What a rule does decides its split; and whole families are in no
training task: `families="held_out"` plays those, so that results on new families stand apart from those on new problems
of known ones. Each problem has 2 samples, 6 hidden tests, a reference and at least 3 wrong programs, each of which
fails a hidden test. Or they come from a file (`source="file:PATH"`, see `mas_envs.games.code_test.schemas`) or a data
set on a hub (`source="hub:NAME"`: apps, code_contests, livecodebench, or OWNER/NAME@REVISION; extra `hub`), or are a
`Problem` of one's own: `reset(options={"task": problem})`.

**What runs** does so in the sandbox, one process for each program and input; without `effect_runner` in one that all
environments of a process share. Hidden tests, references and wrong programs stay in this process: they are in no
observation, `state()`, saved state, info or episode. A saved state holds the reference of its task; a task of one's own
has to be given again where the state is loaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mas_envs.core.errors import StateError, UsageError, in_range, one_of
from mas_envs.core.game import (
    AgentID,
    Effect,
    EffectRunner,
    Game,
    Prompt,
    Result,
    Role,
    Step,
    Task,
    TaskRef,
    check_actions,
)
from mas_envs.core.seeding import derive
from mas_envs.games.code_test import expert, files, prompts, rules, saving, tasks
from mas_envs.games.code_test.effects import CheckCases, JudgeProgram, RunCases
from mas_envs.games.code_test.families import GRADES
from mas_envs.games.code_test.parse import Cases, parse_program
from mas_envs.games.code_test.problem import KINDS, Problem
from mas_envs.games.code_test.reward import CODER, LOCAL_RANGE, TEAM_RANGE, TESTER, reward
from mas_envs.games.code_test.rules import CodeState
from mas_envs.games.code_test.runner import CodeRunner
from mas_envs.games.code_test.words import vocabulary

MAX_TURNS = 1000
GIVEN = "code_test/given"
"""Source of tasks that a caller made of a problem of its own."""
_NO_RESULTS: Mapping[str, Any] = {}


class CodeTest(Game[CodeState]):
    """The game.

    Args:
        difficulty: of generated problems: "easy", "medium", "hard", "expert", or "any".
        families: "seen" (in every split, problems of the training families), "held_out" (validation and test have
            families of their own) or "all".
        source: None for generated problems, "file:PATH" for those of a file (.jsonl or .jsonl.gz), or "hub:NAME" for
            those of a data set; leave out difficulty and families then.
        roles: "team" (coder and tester) or "single" (a coder alone, whose program is run on the statement's samples).
        order: "simultaneous" (both speak at once) or "sequential" (the tester sees the program first).
        turns: turn budget T; by default 4 for a team, 1 for a single coder.
        style: "full" (natural language) or "compact" (few words, for small policies; generated problems alone).
    """

    name = "code_test"
    version = 0
    team_range = TEAM_RANGE
    local_range = LOCAL_RANGE

    def __init__(
        self,
        difficulty: str = "easy",
        families: str = "seen",
        source: str | None = None,
        roles: str = "team",
        order: str = "simultaneous",
        turns: int | None = None,
        style: str = "full",
    ):
        self.difficulty = one_of("difficulty", difficulty, (*GRADES, "any"))
        self.families = one_of("families", families, tasks.WHICH)
        self.roles_name = one_of("roles", roles, ("team", "single"))
        self.order = one_of("order", order, ("simultaneous", "sequential"))
        self.style = one_of("style", style, ("compact", "full"))
        usual = 4 if roles == "team" else 1
        self.turns = usual if turns is None else in_range("turns", turns, 1, MAX_TURNS)
        self.source, self._file = source, files.choose(source, style, (difficulty, families))
        names = ("coder", "tester") if roles == "team" else ("coder",)
        shown = order if roles == "team" else ""
        told = {(n, kind): prompts.instructions(n, kind, shown, self.turns) for n in names for kind in KINDS}
        self._told = {(f"{name}_0", kind): text for (name, kind), text in told.items()}
        self.roles = tuple(Role(name, told[name, "stdin"]) for name in names)
        self._given: dict[TaskRef, Task] = {}

    def settings(self) -> dict[str, Any]:
        return {
            "difficulty": self.difficulty,
            "families": self.families,
            "source": self.source,
            "roles": self.roles_name,
            "order": self.order,
            "turns": self.turns,
            "style": self.style,
        }

    # ---- tasks -------------------------------------------------------------------------------------------------
    def task(self, split: str, index: int) -> Task:
        if self._file is not None:
            return self._file.tasks.task(split, index)
        return tasks.make_task(self.difficulty, self.families, split, index)

    def task_for_seed(self, seed: int) -> Task:
        if self._file is not None:
            return self._file.tasks.for_seed(derive("reset", seed))
        return super().task_for_seed(seed)

    def task_from(self, source: Any) -> Task:
        """Returns a Task as it is, or that of a `Problem` of the caller's own."""
        if isinstance(source, Problem):
            return Task(TaskRef(GIVEN, source.digest(), source.digest()), source)
        return super().task_from(source)

    def listed(self) -> tuple[Task, ...]:
        return self._file.tasks.all() if self._file is not None else ()

    # ---- play --------------------------------------------------------------------------------------------------
    def initial(self, task: Task) -> CodeState:
        if not isinstance(task.content, Problem):
            kind = type(task.content).__name__
            raise UsageError(f"Task {task.ref.id} holds a {kind}, no problem of code_test; take game.task(split, 0).")
        if self.style == "compact" and not task.content.words:
            raise UsageError(f"Task {task.ref.id} has no words for the compact style; take style='full'.")
        own = self._file.source if self._file is not None else f"{tasks.SOURCE}/"
        if task.ref.source == GIVEN or not task.ref.source.startswith(own):
            self._given[task.ref] = task  # a saved state holds its reference alone
        return CodeState(task)

    def acting(self, state: CodeState) -> tuple[AgentID, ...]:
        if state.outcome:
            return ()
        if self.roles_name == "single":
            return (CODER,)
        if self.order == "simultaneous":
            return (CODER, TESTER)
        return (TESTER,) if state.spoken else (CODER,)

    def observe(self, state: CodeState, agent: AgentID) -> Prompt:
        if self.style == "compact":
            return Prompt(prompts.compact(state, agent))
        return Prompt(prompts.situation(state, agent, self.turns), self._told[agent, state.problem.kind])

    def effects(self, state: CodeState, actions: Mapping[AgentID, str]) -> tuple[Effect, ...]:
        said = self._read(state, actions)
        return tuple(effect for effect in self._wishes(state, said) if effect is not None)

    def _read(self, state: CodeState, actions: Mapping[AgentID, str]) -> tuple[tuple[str, str] | None, Cases | None]:
        """Returns what the agents said: a program with what was wrong, and cases; None for who does not act."""
        acting = self.acting(state)
        if not acting:
            raise UsageError("The episode is over; begin another one with initial(task).")
        check_actions(acting, actions)
        return (
            parse_program(actions[CODER]) if CODER in acting else None,
            rules.read_cases(state.problem, actions[TESTER]) if TESTER in acting else None,
        )

    def _wishes(
        self, state: CodeState, said: tuple[tuple[str, str] | None, Cases | None]
    ) -> tuple[JudgeProgram | None, RunCases | None, CheckCases | None]:
        """Returns what has to happen before the step; None for what has not."""
        (program, _), found = said[0] or ("", ""), said[1]
        problem, standing = state.problem, program or state.program
        cases = found.cases if found else problem.samples if self.roles_name == "single" else ()
        return (
            JudgeProgram(program, problem) if program else None,
            RunCases(standing, cases, problem) if standing and cases else None,
            CheckCases(found.cases, problem, state.suspect) if found and found.cases else None,
        )

    def step(self, state: CodeState, actions: Mapping[AgentID, str], results: Sequence[Result] = ()) -> Step[CodeState]:
        said = self._read(state, actions)
        wishes = self._wishes(state, said)
        if len(results) != sum(wish is not None for wish in wishes):
            raise UsageError(f"step() was given {len(results)} results; give one for each of effects(state, actions).")
        given = iter(results)
        judged, ran, worth = (None if wish is None else next(given).value for wish in wishes)
        new, errors = state, dict[AgentID, str]()
        if said[0] is not None:
            program, error = said[0]
            new = rules.take_program(new, program, error, judged)
            errors |= {CODER: error} if error else {}
        if said[1] is not None:
            new = rules.take_cases(new, said[1], ran or (), worth or ())
            errors |= {TESTER: said[1].error} if said[1].error else {}
        elif self.roles_name == "single":
            new = rules.take_samples(new, ran or ())
        else:
            new = replace(new, spoken=True)
        if new.turn > state.turn:
            new = replace(new, outcome=rules.outcome_of(new, self.turns))
        info = {
            "success": new.solved,
            "errors": errors,
            "family": new.problem.family,
            "difficulty": new.problem.difficulty,
        }
        agreed, spent = new.outcome == "agreed", new.outcome == "out_of_turns"
        return Step(new, reward(state, new, self.agents), agreed, spent, info)

    def effect_runner(self) -> EffectRunner:
        """Returns what runs programs in the sandbox that this process shares, started when the first one has to run."""
        return CodeRunner()

    # ---- views -------------------------------------------------------------------------------------------------
    def render(self, state: CodeState) -> str:
        ended = f": {state.outcome}" if state.outcome else ""
        parts = [f"{self.name} {state.task.ref.id}, turn {state.turn} of {self.turns}{ended}"]
        parts.append(prompts.overview(state.problem))
        if state.program:
            parts.append(f"Program:\n{prompts.clipped(state.program, prompts.LONGEST_PROGRAM)}")
        return "\n\n".join((*parts, *prompts.history(state.rounds)))

    def example_actions(self) -> tuple[str, ...]:
        return expert.examples(self.style, self.roles_name == "team")

    def longest_answer(self) -> str:
        return prompts.answer_with_program(expert.longest_program(self.difficulty), self.style)

    def vocabulary(self) -> tuple[str, ...]:
        return vocabulary() if self.style == "compact" else ()

    def passive_action(self, role: str) -> str | None:
        return "" if role == "tester" else None

    def expert(self, state: CodeState, agent: AgentID) -> str:
        """Coder: a program that is known to be right. Tester: see `expert.cases`. "" where neither is known."""
        if agent == CODER:
            known = state.problem.reference
            return prompts.answer_with_program(known, self.style) if known else ""
        return prompts.answer_with_cases(expert.cases(state), self.style)

    # ---- saving ------------------------------------------------------------------------------------------------
    def dump(self, state: CodeState) -> dict[str, Any]:
        return saving.dump_state(state)

    def restore(self, data: Mapping[str, Any]) -> CodeState:
        task = self._task_of(saving.read_ref(data))
        state = saving.restore_state(data, task, self.turns)
        if state.spoken and (self.roles_name, self.order) != ("team", "sequential"):
            raise ValueError("a coder speaks before the tester in sequential play alone")
        return state

    def _task_of(self, ref: TaskRef) -> Task:
        """Returns the task of a reference from where it came; raises StateError where that is not known here."""
        if ref in self._given:
            return self._given[ref]
        if self._file is not None and ref.source == self._file.source:
            task = self._file.named(ref.id)
        elif ref.source.startswith(f"{tasks.SOURCE}/") and ref.source != GIVEN:
            _, difficulty, families = ref.source.split("/")
            split, _, index = ref.id.partition("/")
            task = tasks.make_task(difficulty, families, split, int(index))
        else:
            raise StateError(
                f"The saved state is of task {ref.id!r} from {ref.source!r}, which this game has not been given. Begin "
                "an episode of it here first: reset(options={'task': ...}), or game.initial(task)."
            )
        if task.ref != ref:
            raise StateError(f"The saved state is of task {ref}, which is {task.ref} now: its source has changed.")
        return task
