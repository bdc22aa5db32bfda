"""Board games played in turns by a planner and an executor, or by one solver: everything but the board itself.

In each turn the planner reads the board and proposes moves; the executor reads the board, the proposal and what
carrying it out would do (the board after it, the first illegal move), and gives the final moves, which are
carried out. Moves are carried out up to the first illegal one, and no further once the board is solved. An answer
of the executor that begins with `+` means "the proposal's legal moves, then these"; `+` alone accepts it. A move
is a letter of UDLR or, for policies that find places easier than directions, the cell that it leads to (`@c4`).

Rewards (every term is named; d is the board's distance from solved, d0 the task's own at its start):

    team  progress  phi(after) - phi(before), phi = -min(d / d0, 1); a lost board has phi = -1
    team  success   1 when the board is solved
    local format    -0.02 when no moves could be read
    local illegal   -0.02 when a move was illegal
    local proposal  planner: what the proposal would earn the team if it were carried out as it stands, as an
                    advance; taken back (negative) when the executor has acted

The progress of an episode telescopes to phi(end) - phi(start), and a planner's advances cancel turn by turn, so
every agent's return is the team's sum less its own penalties: nothing is earned by proposing without doing, by
walking in circles or by taking long. Losing a level costs what was gained in it, and no more: with a larger price
policies learn to do nothing where they are unsure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import AgentID, Prompt, Result, Reward, Role, Step, Task, check_actions
from mas_envs.grid.cells import cell_words
from mas_envs.grid.moves import CONTINUE, MOVES, NOWHERE, MoveList, Places, parse_moves
from mas_envs.grid.prompts import as_list, feedback, instructions
from mas_envs.grid.rules import BoardRules
from mas_envs.grid.state import B, BoardState, Outcome, Proposal

PLANNER, EXECUTOR, SOLVER = "planner_0", "executor_0", "solver_0"
MAX_TURNS = 1000
PENALTY = -0.02
WORST = -1.0
_NO_TERMS: dict[str, float] = {}
_BLOCKED = {move: f"Move {move} is blocked; it and the moves after it are left out." for move in MOVES}
_BLOCKED[NOWHERE] = "A step to a cell that is no neighbour is blocked; it and the moves after it are left out."
_LISTS = {"".join(moves): moves for n in range(len(MOVES) + 1) for moves in combinations(MOVES, n)}


class BoardGame(BoardRules[B]):
    """Turns, rewards and prompts over the rules that a subclass brings.

    Args:
        roles: "team" (planner, then executor) or "single" (one solver).
        turns: turn budget T; by default 4 for a team, 1 for a single solver (the whole plan in one answer, the
            paper's single-agent setting; give turns=4 for the compute-matched one).
        max_moves: moves per turn; by default the moves of an episode (`total_moves`) shared out over the turns.
        style: "compact" (the board and the role mark, for small policies) or "full" (natural language).
        action_type: "text", or "discrete": one move per action (so `max_moves` is 1, and there are by default as
            many turns as an episode has moves), for the numeric view.
    """

    team_range = (WORST, 1.0 - WORST)
    local_range = (WORST - 1.0, 1.0 - WORST)

    def __init__(
        self, roles: str, turns: int | None, max_moves: int | None, style: str, action_type: str, total_moves: int
    ):
        self.roles_name = one_of("roles", roles, ("team", "single"))
        self.style = one_of("style", style, ("compact", "full"))
        self.action_type = one_of("action_type", action_type, ("text", "discrete"))
        if action_type == "discrete":
            max_moves = in_range("max_moves (with action_type='discrete')", 1 if max_moves is None else max_moves, 1, 1)
            turns = min(total_moves, MAX_TURNS) if turns is None else turns
        self.turns = in_range("turns", turns, 1, MAX_TURNS) if turns is not None else (4 if roles == "team" else 1)
        fair_share = max(1, -(-total_moves // self.turns))
        self.max_moves = in_range("max_moves", max_moves, 1, 10_000) if max_moves is not None else fair_share
        names = ("planner", "executor") if roles == "team" else ("solver",)
        self.roles = tuple(Role(n, instructions(n, self.goal_text, self.legend, self.max_moves)) for n in names)
        self._texts = {agent: role.instructions for role in self.roles for agent in role.agents}
        self._mover = EXECUTOR if roles == "team" else SOLVER

    # ---- the game ----------------------------------------------------------------------------------------------
    def initial(self, task: Task) -> BoardState[B]:
        board = self.start(task.content)
        return BoardState(task, board, 0, self.potential(task.content, board))

    def acting(self, state: BoardState[B]) -> tuple[AgentID, ...]:
        if state.outcome:
            return ()
        return (PLANNER,) if state.proposal is None and self._mover == EXECUTOR else (self._mover,)

    def potential(self, level: Any, board: B) -> float:
        """Returns phi(board), in [-1, 0]: 0 when solved, -1 at a task's start and when lost."""
        return WORST if self.lost(level, board) else max(-self.distance(level, board), WORST)

    def step(
        self, state: BoardState[B], actions: Mapping[AgentID, str], results: Sequence[Result] = ()
    ) -> Step[BoardState[B]]:
        acting = self.acting(state)
        if not acting:
            raise UsageError("The episode is over; begin another one with initial(task).")
        check_actions(acting, actions)
        agent = acting[0]
        text = actions[agent]
        said = parse_moves(text, self.max_moves, self._places(state) if "@" in text else None)
        return self._propose(state, said) if agent == PLANNER else self._carry_out(state, agent, said)

    def _places(self, state: BoardState[B]) -> Places:
        level, proposal = state.task.content, state.proposal
        here = self.cell(state.board)
        return Places(here, here if proposal is None else self.cell(proposal.after), level.width, level.height)

    def _propose(self, state: BoardState[B], said: MoveList) -> Step[BoardState[B]]:
        level = state.task.content
        after, count = self.walk(level, state.board, said.moves)
        solved = self.solved(level, after)
        potential = self.potential(level, after) if count else state.potential
        blocked = "" if solved else said.moves[count : count + 1]
        value = potential - state.potential + solved
        proposal = Proposal(said.moves[:count], blocked, after, value)
        new = BoardState(state.task, state.board, state.turn, state.potential, proposal, state.feedback)
        local = {"proposal": value}
        errors = self._faults(said, blocked, local)
        return Step(new, Reward(_NO_TERMS, {PLANNER: local}), False, False, self._info(new, PLANNER, errors))

    def _carry_out(self, state: BoardState[B], agent: AgentID, said: MoveList) -> Step[BoardState[B]]:
        level, proposal = state.task.content, state.proposal
        board, done = state.board, ""
        if said.continues and proposal is not None:
            board, done = proposal.after, proposal.legal
        wanted = said.moves[: self.max_moves - len(done)]
        board, count = self.walk(level, board, wanted)
        solved = self.solved(level, board)
        blocked = "" if solved else wanted[count : count + 1]
        done += wanted[:count]
        potential = self.potential(level, board) if done else state.potential
        turn = state.turn + 1
        outcome = self._outcome(level, board, potential, turn)
        local: dict[str, float] = {}
        errors = self._faults(said, blocked, local)
        said_of_it = feedback(done, blocked, errors) if self.style == "full" else ""  # compact prompts have no words
        new = BoardState(state.task, board, turn, potential, None, said_of_it, outcome)
        local_terms = {agent: local}
        if proposal is not None:
            local_terms[PLANNER] = {"proposal": -proposal.value}
        reward = Reward({"progress": potential - state.potential, "success": float(solved)}, local_terms)
        ended = outcome in ("solved", "lost")
        return Step(new, reward, ended, outcome == "out_of_turns", self._info(new, agent, errors))

    def _outcome(self, level: Any, board: B, potential: float, turn: int) -> Outcome:
        """Returns how the episode has ended with `turn` turns completed, "" where it goes on."""
        if self.solved(level, board):
            return "solved"
        if potential == WORST and self.lost(level, board):
            return "lost"
        return "out_of_turns" if turn >= self.turns else ""

    @staticmethod
    def _faults(said: MoveList, blocked: str, local: dict[str, float]) -> str:
        """Adds the penalties to `local` and returns what was wrong in words, or ""."""
        if said.error is not None:
            local["format"] = PENALTY
            return said.error
        if blocked:
            local["illegal"] = PENALTY
            return _BLOCKED[blocked]
        return ""

    @staticmethod
    def _info(state: BoardState[B], agent: AgentID, error: str) -> dict[str, Any]:
        return {"success": state.outcome == "solved", "errors": {agent: error} if error else {}}

    # ---- what the agents read ----------------------------------------------------------------------------------
    def observe(self, state: BoardState[B], agent: AgentID) -> Prompt:
        if self.style == "compact":
            return Prompt(self._compact(state, agent))
        return Prompt(self._situation(state, agent), self._texts[agent])

    def _compact(self, state: BoardState[B], agent: AgentID) -> str:
        level, board, proposal = state.task.content, state.board, state.proposal
        here = self.here(level, board)
        if agent != EXECUTOR or proposal is None:
            return f"{self.fixed_words(level)} {here} {agent[:-2]}"
        before = here.replace("@", "_").replace("$", "-")
        proposed = " ".join([*proposal.legal, "!" + proposal.blocked if proposal.blocked else "="])
        return f"{self.fixed_words(level)} {before} {proposed} {self.here(level, proposal.after)} executor"

    def _situation(self, state: BoardState[B], agent: AgentID) -> str:
        level, proposal = state.task.content, state.proposal
        lines = [f"Turn {state.turn + 1} of {self.turns}. The board:", self.draw(level, state.board)]
        lines.append(f"Moves possible now: {', '.join(self.legal(level, state.board)) or 'none'}")
        if state.feedback:
            lines.append(f"Last turn: {state.feedback}")
        if agent == EXECUTOR and proposal is not None:
            lines.append(f"The planner proposes: {as_list(proposal.legal + proposal.blocked)}")
            if proposal.blocked:
                lines.append(f"Its move {len(proposal.legal) + 1} ({proposal.blocked}) is blocked.")
            lines.append(f"The board after its {len(proposal.legal)} legal moves:")
            lines.append(self.draw(level, proposal.after))
            lines.append(f"Moves possible there: {', '.join(self.legal(level, proposal.after)) or 'none'}")
        return "\n".join(lines)

    def render(self, state: BoardState[B]) -> str:
        level = state.task.content
        head = f"{self.name} {state.task.ref.id}, turn {state.turn} of {self.turns}"
        text = f"{head}{': ' + state.outcome if state.outcome else ''}\n{self.draw(level, state.board)}"
        if state.proposal is not None:
            text += f"\nproposed: {state.proposal.legal + state.proposal.blocked or '(nothing)'}"
        return text

    def legal_actions(self, state: BoardState[B], agent: AgentID) -> tuple[str, ...]:
        if agent not in self.acting(state):
            return ()
        return _LISTS[self.legal(state.task.content, state.board)]

    def common_words(self) -> tuple[str, ...]:
        """Returns the compact words that every board game has: moves, roles, marks, lists of possible moves."""
        marks = (CONTINUE, "=", *("!" + move for move in MOVES + NOWHERE), *(f"[{moves}]" for moves in _LISTS))
        return (*MOVES, *marks, *(role.name for role in self.roles))

    def example_actions(self) -> tuple[str, ...]:
        letters = [a + b + c for a in MOVES for b in MOVES for c in MOVES]
        return (*MOVES, *letters, CONTINUE) if self._mover == EXECUTOR else (*MOVES, *letters)

    # ---- the expert --------------------------------------------------------------------------------------------
    def expert(self, state: BoardState[B], agent: AgentID) -> str:
        """Planner and solver: the best moves, as many as a turn takes. Executor: accepts a proposal that comes
        closer to solved, and goes on from there; else its own best moves."""
        level, proposal = state.task.content, state.proposal
        if agent == EXECUTOR and proposal is not None:
            closer = self.distance(level, proposal.after) < self.distance(level, state.board)
            rest = self.solve(level, proposal.after) if closer else ""
            if rest or self.solved(level, proposal.after):  # closer is no use where it cannot be solved any more
                rest = rest[: self.max_moves - len(proposal.legal)]
                return self._answer(CONTINUE, *self._spoken(level, proposal.after, rest))
        return self._answer(*self._spoken(level, state.board, self.solve(level, state.board)[: self.max_moves]))

    def longest_answer(self) -> str:
        return self._answer(CONTINUE, *MOVES[0] * self.max_moves)

    def passive_action(self, role: str) -> str | None:
        return self._answer(CONTINUE) if role == "executor" else None

    def _spoken(self, level: Any, board: B, moves: str) -> Sequence[str]:
        """Returns moves as the expert writes them: letters, or in the compact style of some games cells."""
        if self.style == "full" or not self.speaks_cells:
            return moves
        words = cell_words("@", level.width, level.height)
        return [words[self.cell(self.walk(level, board, moves[:n])[0])] for n in range(1, len(moves) + 1)]

    def _answer(self, *moves: str) -> str:
        """Returns moves in the form that the style asks for."""
        return " ".join(moves) if self.style == "compact" else f"Moves: {as_list(moves)}"

    # ---- saving ------------------------------------------------------------------------------------------------
    def dump(self, state: BoardState[B]) -> dict[str, Any]:
        ref, proposal = state.task.ref, state.proposal
        return {
            "task": {"source": ref.source, "id": ref.id, "digest": ref.digest, "level": state.task.content.text()},
            "board": self.dump_board(state.board),
            "turn": state.turn,
            "proposal": proposal and [proposal.legal, proposal.blocked],
            "feedback": state.feedback,
            "outcome": state.outcome,
        }

    def restore(self, data: Mapping[str, Any]) -> BoardState[B]:
        saved = data["task"]
        texts = [saved["source"], saved["id"], data["feedback"], *(data["proposal"] or ())]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"not all of {texts!r} are strings")
        task = self.task_from(saved["level"])
        if task.ref.digest != saved["digest"]:
            raise ValueError(f"the level does not match its digest {saved['digest']}")
        task = replace(task, ref=replace(task.ref, source=saved["source"], id=saved["id"]))
        level = task.content
        board = self.restore_board(level, data["board"])
        turn, potential = in_range("turn", data["turn"], 0, self.turns), self.potential(level, board)
        state = BoardState(task, board, turn, potential, None, data["feedback"])
        state = state._replace(outcome=self._outcome(level, board, potential, turn))
        if data["outcome"] != state.outcome:
            raise ValueError(f"outcome is {data['outcome']!r}, but this board's is {state.outcome!r}")
        if data["proposal"] is not None:
            moves = "".join(data["proposal"])
            if self.acting(state) == (PLANNER,) and len(moves) <= self.max_moves and not moves.strip(MOVES + NOWHERE):
                state = self._propose(state, MoveList(moves)).state
            if state.proposal is None or [*state.proposal[:2]] != data["proposal"]:
                raise ValueError(f"nobody can have proposed {data['proposal']!r} on this board")
        return state
