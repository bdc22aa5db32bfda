r"""# Math-verify

A tool user and a reasoner solve a mathematical problem. In each turn the tool user writes a Python program, which the
sandbox runs; the reasoner reads the program and what it printed, and gives the final answer in `\boxed{}`.

The episode ends when the answer and what the program printed are the same, or when the turns (4) are spent. The two
are compared with each other, by the exact rules of the grader: nothing that agents read, and not the end, depends on
the reference answer. The reasoner's latest answer alone is graded.

**Roles.** `roles="tool"` leaves the tool user alone: what its program prints is its answer, and the first program that
prints one ends the episode. `roles="single"` leaves the reasoner alone, with one turn by default; its first answer
ends the episode. With `order="simultaneous"` both act at once, and see in the next turn what the other did.

**Programs** are the last block of the reply that begins with ```` ```python ````, else its last block. One that ends
without an error and prints one line, of at most 2,000 characters, has printed an answer. It reads no input and may
take `seconds` of processor time and 512 MiB. **Answers** are what the last `\boxed{}` holds. `\boxed{output}` stands
for what the program printed: with it the reasoner lets the tool user have its way.

**Rewards** are the growth of bounded potentials; every term is named [below](#rewards).

What a program does that takes too long, prints too much or fails is an outcome without these; so is an answer that
the grader cannot read. A sandbox or a grader that was lost is neither: the step is masked.

**Problems** are generated, from 36 families in three difficulties, with exact answers in rational arithmetic:

- "easy": expressions of two-digit numbers (sums, products, brackets, remainders, powers, powers modulo n). To copy one
  into a program is easy; to work it out in the head is not. That is why there is a team.
- "medium": also larger numbers, divisors and multiples, fractions, percentages, equations, digit sums, averages,
  prices, areas, sequences.
- "hard": also systems of equations, quadratic equations, divisors, combinations, recurrences, dice, powers with large
  exponents.

Some families are held out whole. With `families="trained"` (the default) all splits have the same families, and the
numbers decide which split a problem is in, in whatever order they stand. With `families="held_out"` validation and test
have families of their own, which no training problem comes from. A family's name asks for that one alone. What family
an episode's problem is of says `info["family"]`, so that results can be told apart.

The exact rules of the grader alone decide on generated problems, in the calling process: an answer has to be a number
(`7/12`, `0.25`, `3`), and an expression that would have to be worked out counts as wrong.

**Files**, `source="file:PATH"`, and data sets, `source="hub:NAME"`, hold problems; what they may say is
[below](#files).

**The compact style** is for small policies: prompts and answers are words of a small vocabulary with spaces between,
every digit one word. Digits with nothing but spaces between are one number, so that `print ( ( 3 4 + 5 ) * 2 )` is the
program `print ( ( 34 + 5 ) * 2 )` and `boxed 7 8` the answer 78. The whole reply is the program.

**Experts.** The tool user's writes a program that computes the answer (for a file's problem, one that prints the
reference); the reasoner's copies what the program printed if that is right, and else answers `?`, which gives the tool
user another turn.

States are saved with what was said and what came of it, and without the problem, which is looked up again by its
source. So a task has to be one of the game's own; by name it is `options={"task": "test/3"}`, or in a file the number
of its line.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import AgentID, Effect, Game, Prompt, Result, Role, Step, Task, check_actions
from mas_envs.core.seeding import derive
from mas_envs.games.math_verify import expert, files, prompts, saving, tasks
from mas_envs.games.math_verify.parse import OUTPUT, answer_of, program_of
from mas_envs.games.math_verify.problems import Problem
from mas_envs.games.math_verify.reward import LOCAL_RANGE, TEAM_RANGE, reward
from mas_envs.games.math_verify.rules import (
    NO_PROGRAM,
    REASONER,
    TOOL,
    MathState,
    Run,
    ending,
    gold_of,
    meant,
    run_of,
)
from mas_envs.games.math_verify.runner import Grade, MathRunner, RunAndGrade
from mas_envs.games.math_verify.words import VOCABULARY
from mas_envs.sandbox import Limits, RunProgram

MAX_TURNS = 2**20


class MathVerify(Game[MathState]):
    """The game.

    Args:
        difficulty: "easy" (the default), "medium" or "hard" generated problems.
        families: "trained" (the default), "held_out", or the name of one family.
        source: None, or "file:PATH" or "hub:NAME"; difficulty and families are then what that has.
        roles: "team" (tool user and reasoner), "tool" or "single" (a reasoner alone).
        order: of a team, "sequential" (the tool user, then the reasoner) or "simultaneous".
        turns: turn budget T; by default 4, and 1 for a reasoner alone.
        seconds: processor time for a program, 0.05 to 600; by default 4, and 0.5 in the compact style, whose programs
            are one line.
        style: "compact" or "full" (natural language).
    """

    name = "math_verify"
    version = 0
    team_range = TEAM_RANGE
    local_range = LOCAL_RANGE

    def __init__(
        self,
        difficulty: str | None = None,
        families: str | None = None,
        source: str | None = None,
        roles: str = "team",
        order: str = "sequential",
        turns: int | None = None,
        seconds: float | None = None,
        style: str = "full",
    ):
        self.source, self._file = source, files.choose(source, difficulty, families)
        self.difficulty = self.families = None
        if self._file is None:
            self.difficulty, self.families = difficulty or "easy", families or "trained"
            tasks.check_kind(self.difficulty, self.families)
        self.roles_name = one_of("roles", roles, ("team", "tool", "single"))
        self.order = one_of("order", order, ("sequential", "simultaneous"))
        self.style = one_of("style", style, ("compact", "full"))
        self.turns = in_range("turns", turns, 1, MAX_TURNS) if turns is not None else (1 if roles == "single" else 4)
        self.seconds = _seconds((0.5 if style == "compact" else 4.0) if seconds is None else seconds)
        self._limits = Limits(cpu_s=self.seconds, memory_mb=512, output_kb=64)
        self._compact = style == "compact"
        self._team = roles == "team"
        how = self.order if self._team else "alone"
        names = {"team": ("tool", "reasoner"), "tool": ("tool",), "single": ("reasoner",)}[roles]
        self.roles = tuple(Role(n, prompts.instructions(n, how, self.seconds, self.turns)) for n in names)
        self._texts = {agent: role.instructions for role in self.roles for agent in role.agents}
        self._runner = MathRunner()
        self._known = frozenset(self.vocabulary())

    def settings(self) -> dict[str, Any]:
        return {
            "difficulty": self.difficulty,
            "families": self.families,
            "source": self.source,
            "roles": self.roles_name,
            "order": self.order,
            "turns": self.turns,
            "seconds": self.seconds,
            "style": self.style,
        }

    # ---- tasks -------------------------------------------------------------------------------------------------
    def task(self, split: str, index: int) -> Task:
        if self._file is not None:
            return self._file.tasks.task(split, index)
        return tasks.make_task(self.difficulty or "", self.families or "", split, index)

    def task_for_seed(self, seed: int) -> Task:
        return self._file.tasks.for_seed(derive("reset", seed)) if self._file else super().task_for_seed(seed)

    def task_from(self, source: Any) -> Task:
        """Returns the task that `source` is or names, "test/3" or, in a file, the number of its line.

        A state is saved without its problem, which is looked up again: so a Task has to be one of this game's.
        """
        if isinstance(source, str):
            return self._named(source)
        task = super().task_from(source)
        if task.ref.source != self._source or self._named(task.ref.id) != task:
            raise UsageError(
                f"The task {task.ref.id!r} of {task.ref.source!r} is none of this game's, {self._source!r}."
            )
        return task

    def listed(self) -> tuple[Task, ...]:
        return self._file.tasks.all() if self._file else ()

    @property
    def _source(self) -> str:
        return self._file.source if self._file else tasks.source_of(self.difficulty or "", self.families or "")

    def _named(self, name: str) -> Task:
        """Returns the task with this id; raises UsageError where there is none."""
        if self._file is not None:
            return self._file.named(name)
        split, _, index = name.partition("/")
        if not (index.isascii() and index.isdigit() and len(index) < 20):
            raise UsageError(f"A task is named like 'test/3', not {name[:60]!r}.")
        return self.task(split, int(index))

    # ---- play --------------------------------------------------------------------------------------------------
    def initial(self, task: Task) -> MathState:
        if not isinstance(task.content, Problem):
            raise UsageError(f"Task {task.ref.id} is no problem of math_verify; take game.task(split, index).")
        return MathState(task)

    def acting(self, state: MathState) -> tuple[AgentID, ...]:
        if state.ended:
            return ()
        if not self._team:
            return self.agents
        if self.order == "simultaneous":
            return (TOOL, REASONER)
        return (REASONER,) if state.waiting else (TOOL,)

    def effects(self, state: MathState, actions: Mapping[AgentID, str]) -> tuple[Effect, ...]:
        acting = self.acting(state)
        check_actions(acting, actions)
        return tuple(wish for agent in acting if (wish := self._wish(state, agent, actions[agent])))

    def _wish(self, state: MathState, agent: AgentID, said: str) -> Effect | None:
        gold = gold_of(state.problem)
        if agent == TOOL:
            program = program_of(said, self._compact)
            return RunAndGrade(RunProgram(program, "", self._limits), gold) if program else None
        answer = meant(state, answer_of(said, self._compact))
        return None if answer is None else Grade(gold, answer)

    def step(self, state: MathState, actions: Mapping[AgentID, str], results: Sequence[Result] = ()) -> Step[MathState]:
        acting = self.acting(state)
        if not acting:
            raise UsageError("The episode is over; begin another one with initial(task).")
        check_actions(acting, actions)
        values = self._values(state, actions, results)
        new, errors = state, dict[AgentID, str]()
        if TOOL in values:
            program = program_of(actions[TOOL], self._compact)
            nothing = Run("", NO_PROGRAM, fault=prompts.no_program(self._compact))
            run = run_of(program, values[TOOL]) if program else nothing
            new = new._replace(run=run)
            if run.fault:
                errors[TOOL] = run.fault
        if REASONER in values:
            answer = meant(state, answer_of(actions[REASONER], self._compact))
            new = new._replace(answer=answer, right=values[REASONER] == "correct")
            if answer is None:
                errors[REASONER] = prompts.no_answer(self._compact)
        if self.roles_name == "tool":
            new = new._replace(right=new.run is not None and new.run.right)
        waiting = acting == (TOOL,) and self._team
        new = new._replace(waiting=waiting, turn=state.turn + (not waiting))
        new = new._replace(ended="" if waiting else ending(new, self._team, self.turns))
        info = {"success": new.right, "errors": errors, "family": state.problem.family}
        over = new.ended == "out_of_turns"
        return Step(new, reward(state, new, acting), bool(new.ended) and not over, over, info)

    def _values(
        self, state: MathState, actions: Mapping[AgentID, str], results: Sequence[Result]
    ) -> dict[AgentID, Any]:
        """Returns the value of every acting agent's effect, None where it has none."""
        wishes = {agent: self._wish(state, agent, actions[agent]) for agent in self.acting(state)}
        wanted = sum(wish is not None for wish in wishes.values())
        if len(results) != wanted:
            raise UsageError(
                f"step() got {len(results)} results where effects() names {wanted}; carry them out first "
                "(mas_envs.effects.run_effects), or step with mas_envs.vector.step_all."
            )
        given = iter(results)
        return {agent: next(given).value if wish else None for agent, wish in wishes.items()}

    def effect_runner(self) -> MathRunner:
        """Returns what runs programs and grades answers, where the caller has nothing of its own."""
        return self._runner

    # ---- what the agents read ----------------------------------------------------------------------------------
    def observe(self, state: MathState, agent: AgentID) -> Prompt:
        if self._compact:
            return prompts.compact(state, agent, self._known)
        return prompts.full(state, agent, self.turns, self._texts[agent])

    def render(self, state: MathState) -> str:
        ended = ": " + state.ended if state.ended else ""
        lines = [f"{self.name} {state.task.ref.id}, turn {state.turn} of {self.turns}{ended}", state.problem.question]
        if state.run is not None:
            lines += ["program:", state.run.program, "printed:", state.run.output.rstrip() or state.run.fault]
        if state.answer is not None:
            lines.append(f"answer: {state.answer}")
        return "\n".join(lines)

    # ---- answers -----------------------------------------------------------------------------------------------
    def expert(self, state: MathState, agent: AgentID) -> str:
        if agent == TOOL:
            return expert.program(state.problem, self._compact)
        return expert.answer(state, not self._team, self._compact)

    def passive_action(self, role: str) -> str | None:
        return expert.boxed(OUTPUT, self._compact) if role == "reasoner" and self._team else None

    def vocabulary(self) -> tuple[str, ...]:
        return VOCABULARY if self._file is None else ()

    def example_actions(self) -> tuple[str, ...]:
        return expert.examples(self.difficulty or "easy", self.families or "trained", self.roles_name, self._compact)

    def longest_answer(self) -> str:
        return expert.longest(self.difficulty or "easy", self.roles_name, self._compact)

    # ---- saving ------------------------------------------------------------------------------------------------
    def dump(self, state: MathState) -> dict[str, Any]:
        return saving.dump(state)

    def restore(self, data: Mapping[str, Any]) -> MathState:
        saved = data["task"]
        if saved["source"] != self._source:
            raise ValueError(f"tasks of {saved['source']!r} are not of {self._source!r}")
        task = self._named(saved["id"])
        if task.ref.digest != saved["digest"]:
            raise ValueError(f"the problem does not match its digest {saved['digest']}")
        return saving.restore(data, task, self.roles_name, self.order, self.turns)


def _seconds(given: Any) -> float:
    """Returns the seconds that a program may take; raises UsageError unless they are 0.05 to 600."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0.05 <= given <= 600:
        raise UsageError(f"seconds is {given!r}; it must be a number from 0.05 to 600.")
    return float(given)
