"""Board games played in turns by a planner and an executor, by a tool user and a planner, or by one solver.

Here is everything but the board itself.

In each turn the planner reads the board and proposes moves; the executor reads the board, the proposal and what
carrying it out would do (the board after it, the first illegal move), and gives the final moves, which are
carried out. Moves are carried out up to the first illegal one, and no further once the board is solved. An answer
of the executor that begins with `+` means "the proposal's legal moves, then these"; `+` alone accepts it. What a
move is says each game: where an agent walks, a letter of UDLR (see `mas_envs.grid.walking`); in Sudoku, `b3=4`.

With `roles="tool-planner"`, the team of the paper (section 5.1), the tool user proposes by a Python program that reads
the board from standard input and prints moves. The sandbox runs it; the planner reads program and output, and gives the
final moves as the executor does: `+` alone adopts what was proposed. How, and where this differs from the paper's
published code: [A tool user on the boards](tool_planner.md).

Rewards (every term is named; d is the board's distance from solved, d0 the task's own at its start):

    team  progress  phi(after) - phi(before), phi = -min(d / d0, 1); a lost board has phi = -1
    team  success   1 when the board is solved
    local format    -0.02 when no moves could be read
    local illegal   -0.02 when a move was illegal
    local proposal  of who proposes: what the proposal would earn the team if it were carried out as it stands, as
                    an advance; taken back (negative) when the other has acted
    local runs      tool user: -0.02 when the program failed, or was stopped (too long, too much memory or output)
    local list      tool user: -0.02 when it printed no moves that could be read (format: there was no program)

The progress of an episode telescopes to phi(end) - phi(start), and advances cancel turn by turn, so
every agent's return is the team's sum less its own penalties: nothing is earned by proposing without doing, by
walking in circles or by taking long. Losing a level costs what was gained in it, and no more: with a larger price
policies learn to do nothing where they are unsure. A sandbox that was lost masks the step; it is never a penalty.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import AgentID, Effect, Prompt, Result, Reward, Role, Step, Task, check_actions
from mas_envs.grid import tools
from mas_envs.grid.moves import CONTINUE, MoveList
from mas_envs.grid.prompts import FORMS, Told, as_list, feedback, instructions
from mas_envs.grid.rules import BoardRules
from mas_envs.grid.saving import dump, restore
from mas_envs.grid.state import B, BoardState, Outcome, Proposal, Run
from mas_envs.grid.tools import TOOL, ProgramRunner

PLANNER, EXECUTOR, SOLVER = "planner_0", "executor_0", "solver_0"
MAX_TURNS = MAX_MOVES = 2**20
"""Of an episode, and of moves a turn: more than the longest way on the largest map takes."""
PENALTY = -0.02
WORST = -1.0
_NO_TERMS: dict[str, float] = {}


class BoardGame(BoardRules[B]):
    """Turns, rewards and prompts over the rules that a subclass brings.

    Args:
        roles: "team" (planner, then executor), "tool-planner" (tool user, then planner) or "single" (one solver).
        turns: turn budget T; by default 4 for a team, 1 for a single solver (the whole plan in one answer, the
            paper's single-agent setting; give turns=4 for the compute-matched one).
        max_moves: moves per turn; by default the moves of an episode (`total_moves`) shared out over the turns.
        style: "compact" (the board and the role mark, for small policies) or "full" (natural language).
        action_type: "text", or "discrete": one move per action (so `max_moves` is 1, and there are by default as
            many turns as an episode has moves), for the numeric view. Programs are text.
        seconds: processor time for a tool user's program, 0.05 to 600; by default 4, and 0.5 in the compact style.
            None where there is no tool user.
    """

    team_range = (WORST, 1.0 - WORST)
    local_range = (WORST - 1.0, 1.0 - WORST)

    def __init__(
        self,
        roles: str,
        turns: int | None,
        max_moves: int | None,
        style: str,
        action_type: str,
        total_moves: int,
        seconds: float | None = None,
    ):
        self.roles_name = one_of("roles", roles, tuple(FORMS))
        self.style = one_of("style", style, ("compact", "full"))
        self.action_type = one_of("action_type", action_type, ("text", "discrete"))
        self.seconds = tools.seconds_for(seconds, self.style, self.roles_name, self.action_type)
        if action_type == "discrete":
            max_moves = in_range("max_moves (with action_type='discrete')", 1 if max_moves is None else max_moves, 1, 1)
            turns = min(total_moves, MAX_TURNS) if turns is None else turns
        self.turns = in_range("turns", turns, 1, MAX_TURNS) if turns is not None else (1 if roles == "single" else 4)
        fair_share = max(1, -(-total_moves // self.turns))
        self.max_moves = in_range("max_moves", max_moves, 1, MAX_MOVES) if max_moves is not None else fair_share
        texts = (self.goal_text, self.legend, self.moves_text, self.max_moves, self.example_moves)
        told = Told(*texts, self.stdin_text, self.seconds or 0)
        self.roles = tuple(Role(name, instructions(roles, name, told)) for name in FORMS[roles])
        self._texts = {agent: role.instructions for role in self.roles for agent in role.agents}
        first, last = (f"{FORMS[roles][i]}_0" for i in (0, -1))
        self._proposer, self._mover = first if first != last else "", last
        self._runner = ProgramRunner() if self.seconds else None

    def how(self) -> dict[str, Any]:
        """Returns the settings of play, as JSON values."""
        names = ("turns", "max_moves", "style", "action_type", *(("seconds",) if self.seconds else ()))
        return {"roles": self.roles_name} | {name: getattr(self, name) for name in names}

    # ---- the game ----------------------------------------------------------------------------------------------
    def initial(self, task: Task) -> BoardState[B]:
        board = self.start(task.content)
        return BoardState(task, board, 0, self.potential(task.content, board))

    def acting(self, state: BoardState[B]) -> tuple[AgentID, ...]:
        if state.outcome:
            return ()
        return (self._proposer,) if state.proposal is None and self._proposer else (self._mover,)

    def potential(self, level: Any, board: B) -> float:
        """Returns phi(board), in [-1, 0]: 0 when solved, -1 at a task's start and when lost."""
        return WORST if self.lost(level, board) else max(-self.distance(level, board), WORST)

    def effects(self, state: BoardState[B], actions: Mapping[AgentID, str]) -> tuple[Effect, ...]:
        if not self.seconds:  # nobody writes programs
            return ()
        acting = self.acting(state)
        check_actions(acting, actions)
        program = tools.program_of(actions[TOOL], self.style == "compact") if acting == (TOOL,) else ""
        return (tools.wish(program, self.stdin(state.task.content, state.board), self.seconds),) if program else ()

    def effect_runner(self) -> ProgramRunner | None:
        return self._runner

    def step(
        self, state: BoardState[B], actions: Mapping[AgentID, str], results: Sequence[Result] = ()
    ) -> Step[BoardState[B]]:
        acting = self.acting(state)
        if not acting:
            raise UsageError("The episode is over; begin another one with initial(task).")
        check_actions(acting, actions)
        agent = acting[0]
        if agent == TOOL:
            compact = self.style == "compact"
            run = tools.run_of(tools.program_of(actions[TOOL], compact), results, compact)
            return self.propose(state, *self.printed(state, run))
        said = self.read(state, actions[agent])
        return self.propose(state, said) if agent == self._proposer else self._carry_out(state, agent, said)

    def printed(self, state: BoardState[B], run: Run) -> tuple[MoveList, Run]:
        """Returns the moves that a program printed, none where it did not end well; and the run with what is wrong."""
        if run.verdict != "ok":
            return self.read(state, "")._replace(error=run.fault), run
        said = self.read(state, run.output)
        error = f"The program printed no list of moves: {said.error}" if said.error else None
        return said._replace(error=error), run._replace(fault=error or "")

    def propose(self, state: BoardState[B], said: MoveList, run: Run | None = None) -> Step[BoardState[B]]:
        """Returns what it leads to that who acts first in a turn proposes moves."""
        task, board, turn, before, _, heard, *_ = state
        level, moves = task.content, said.moves
        after, count = self.walk(level, board, moves)
        solved = self.solved(level, after)
        potential = self.potential(level, after) if count else before
        blocked = moves[count] if count < len(moves) and not solved else ""
        value = potential - before + solved
        proposal = Proposal(moves[:count], blocked, after, value)
        local = {"proposal": value}
        errors = self._faults(level, after, said, blocked, local, tools.fault_name(run))
        run = run._replace(fault=errors) if run else None
        new, agent = BoardState(task, board, turn, before, proposal, heard, "", run), self._proposer
        return Step(new, Reward(_NO_TERMS, {agent: local}), False, False, self._info(new, agent, errors))

    def _carry_out(self, state: BoardState[B], agent: AgentID, said: MoveList) -> Step[BoardState[B]]:
        level, proposal = state.task.content, state.proposal
        board, accepted = state.board, said.moves[:0]
        if said.continues and proposal is not None:
            board, accepted = proposal.after, proposal.legal
        wanted = said.moves[: self.max_moves - len(accepted)]
        board, count = self.walk(level, board, wanted)
        solved = self.solved(level, board)
        blocked = wanted[count] if count < len(wanted) and not solved else ""
        potential = self.potential(level, board) if count or accepted else state.potential
        turn = state.turn + 1
        outcome = self.outcome(level, board, solved, potential, turn)
        local: dict[str, float] = {}
        errors = self._faults(level, board, said, blocked, local)
        said_of_it = ""  # compact prompts have no words
        if self.style == "full":
            why = self.why_blocked(level, board, blocked) if blocked else ""
            said_of_it = feedback(self.between.join((*accepted, *wanted[:count])), blocked, why, errors)
        new = BoardState(state.task, board, turn, potential, None, said_of_it, outcome, state.run)
        local_terms = {agent: local}
        if proposal is not None:
            local_terms[self._proposer] = {"proposal": -proposal.value}
        reward = Reward({"progress": potential - state.potential, "success": float(solved)}, local_terms)
        ended = outcome in ("solved", "lost")
        return Step(new, reward, ended, outcome == "out_of_turns", self._info(new, agent, errors))

    def outcome(self, level: Any, board: B, solved: bool, potential: float, turn: int) -> Outcome:
        """Returns how the episode has ended with `turn` turns completed, "" where it goes on."""
        if solved:
            return "solved"
        if potential == WORST and self.lost(level, board):
            return "lost"
        return "out_of_turns" if turn >= self.turns else ""

    def _faults(
        self, level: Any, board: B, said: MoveList, blocked: str, local: dict[str, float], unread: str = "format"
    ) -> str:
        """Adds the penalties to `local`, that for moves that could not be read under the name `unread`; returns what
        was wrong in words, or ""."""
        if said.error is not None:
            local[unread] = PENALTY
            return said.error
        if blocked:
            local["illegal"] = PENALTY
            return self.refusal(level, board, blocked)
        return ""

    @staticmethod
    def _info(state: BoardState[B], agent: AgentID, error: str) -> dict[str, Any]:
        return {"success": state.outcome == "solved", "errors": {agent: error} if error else {}}

    # ---- what the agents read ----------------------------------------------------------------------------------
    def observe(self, state: BoardState[B], agent: AgentID) -> Prompt:
        if self.style == "full":
            return Prompt(self._situation(state, agent), self._texts[agent])
        level, board, proposal = state.task.content, state.board, state.proposal
        if agent != self._mover or proposal is None:
            return Prompt(f"{self.compact(level, board)} {agent[:-2]}")
        words = self.compact_proposal(level, board, proposal)
        ran = f" {tools.told_in_words(state.run, self._known)}" if state.run else ""
        return Prompt(f"{words}{ran} {agent[:-2]}")

    def program_words(self) -> tuple[str, ...]:
        """Returns the compact words that programs are made of, and that say what came of them."""
        return (*tools.MARKS, *tools.to_words(self.expert_program).split()) if self.seconds else ()

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.vocabulary())

    def _situation(self, state: BoardState[B], agent: AgentID) -> str:
        level, proposal, run = state.task.content, state.proposal, state.run
        lines = [f"Turn {state.turn + 1} of {self.turns}. The board:", self.shown(level, state.board)]
        lines.extend(self.remarks(level, state.board, "now"))
        if state.feedback:
            lines.append(f"Last turn: {state.feedback}")
        if agent == TOOL and proposal is None and run is not None:
            lines += tools.told(run, "Last turn you")
        if agent == self._mover and proposal is not None:
            moves = moves_of(proposal)
            lines += tools.told(run, "The tool user", not moves) if run else []
            if moves or not run:
                lines += self._proposed(level, proposal, "program" if run else "planner")
        return "\n".join(lines)

    def _proposed(self, level: Any, proposal: Proposal[B], who: str) -> list[str]:
        lines = [f"The {who} proposes: {as_list(moves_of(proposal))}"]
        if proposal.blocked:
            why = self.why_blocked(level, proposal.after, proposal.blocked)
            lines.append(f"Its move {len(proposal.legal) + 1} ({proposal.blocked}) is blocked{why}.")
        lines += [f"The board after its {len(proposal.legal)} legal moves:", self.shown(level, proposal.after)]
        return lines + self.remarks(level, proposal.after, "there")

    def render(self, state: BoardState[B]) -> str:
        level = state.task.content
        ended = ": " + state.outcome if state.outcome else ""
        head = f"{self.name} {state.task.ref.id}, turn {state.turn} of {self.turns}{ended}"
        text = f"{head}\n{self.draw(level, state.board)}"
        if state.proposal is not None:
            text += f"\nproposed: {self.between.join(moves_of(state.proposal)) or '(nothing)'}"
        return text

    # ---- the expert --------------------------------------------------------------------------------------------
    def expert(self, state: BoardState[B], agent: AgentID) -> str:
        """Who proposes moves, and the solver: the best moves, as many as a turn takes. Who decides: accepts a proposal
        that comes closer to solved, and goes on from there; else its own best moves. Tool user: always the same
        program."""
        level, proposal = state.task.content, state.proposal
        if agent == TOOL:
            return tools.answer(self.expert_program, self.style == "compact")
        if agent == self._mover and proposal is not None:
            closer = self.distance(level, proposal.after) < self.distance(level, state.board)
            rest = self.solve(level, proposal.after) if closer else ""
            if rest or self.solved(level, proposal.after):  # closer is no use where it cannot be solved any more
                rest = rest[: self.max_moves - len(proposal.legal)]
                return self._answer(CONTINUE, *self.spoken(level, proposal.after, rest))
        return self._answer(*self.spoken(level, state.board, self.solve(level, state.board)[: self.max_moves]))

    def longest_answer(self) -> str:
        moves = self._answer(CONTINUE, *[self.example_moves[0]] * self.max_moves)
        programs = [tools.answer(self.expert_program, self.style == "compact")] if self.seconds else []
        return max([moves, *programs], key=lambda text: (len(text.split()), len(text)))

    def passive_action(self, role: str) -> str | None:
        return self._answer(CONTINUE) if self._proposer and f"{role}_0" == self._mover else None

    def examples(self, moves: Sequence[str]) -> tuple[str, ...]:
        """Returns example actions made of some moves: in a team also accepting, of a tool user also programs."""
        accepted = (CONTINUE,) if self._proposer else ()
        programs = tools.examples(moves, self.expert_program, self.style == "compact") if self.seconds else ()
        return (*programs, *moves, *accepted)

    def _answer(self, *moves: str) -> str:
        """Returns moves in the form that the style asks for."""
        return (" ".join(moves) or "[]") if self.style == "compact" else f"Moves: {as_list(moves)}"

    # ---- saving ------------------------------------------------------------------------------------------------
    def dump(self, state: BoardState[B]) -> dict[str, Any]:
        return dump(self, state)

    def restore(self, data: Mapping[str, Any]) -> BoardState[B]:
        return restore(self, data)


def moves_of(proposal: Proposal[B]) -> list[str]:
    """Returns all that was proposed, down to the move that is blocked."""
    return [*proposal.legal, proposal.blocked] if proposal.blocked else [*proposal.legal]
