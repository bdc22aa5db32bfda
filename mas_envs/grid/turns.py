"""Board games played in turns by a planner and an executor, or by one solver: everything but the board itself.

In each turn the planner reads the board and proposes moves; the executor reads the board, the proposal and what
carrying it out would do (the board after it, the first illegal move), and gives the final moves, which are
carried out. Moves are carried out up to the first illegal one, and no further once the board is solved. An answer
of the executor that begins with `+` means "the proposal's legal moves, then these"; `+` alone accepts it. What a
move is says each game: where an agent walks, a letter of UDLR (see `mas_envs.grid.walking`); in Sudoku, `b3=4`.

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
from typing import Any

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import AgentID, Prompt, Result, Reward, Role, Step, Task, check_actions
from mas_envs.grid.moves import CONTINUE, MoveList
from mas_envs.grid.prompts import as_list, feedback, instructions
from mas_envs.grid.rules import BoardRules
from mas_envs.grid.state import B, BoardState, Outcome, Proposal

PLANNER, EXECUTOR, SOLVER = "planner_0", "executor_0", "solver_0"
MAX_TURNS = MAX_MOVES = 2**20
"""Of an episode, and of moves a turn: more than the longest way on the largest map takes."""
PENALTY = -0.02
WORST = -1.0
_NO_TERMS: dict[str, float] = {}


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
        self.max_moves = in_range("max_moves", max_moves, 1, MAX_MOVES) if max_moves is not None else fair_share
        names = ("planner", "executor") if roles == "team" else ("solver",)
        told = (self.goal_text, self.legend, self.moves_text, self.max_moves, self.example_moves)
        self.roles = tuple(Role(name, instructions(name, *told)) for name in names)
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
        said = self.read(state, actions[agent])
        return self._propose(state, said) if agent == PLANNER else self._carry_out(state, agent, said)

    def _propose(self, state: BoardState[B], said: MoveList) -> Step[BoardState[B]]:
        task, board, turn, before, _, heard, _ = state
        level, moves = task.content, said.moves
        after, count = self.walk(level, board, moves)
        solved = self.solved(level, after)
        potential = self.potential(level, after) if count else before
        blocked = moves[count] if count < len(moves) and not solved else ""
        value = potential - before + solved
        proposal = Proposal(moves[:count], blocked, after, value)
        new = BoardState(task, board, turn, before, proposal, heard)
        local = {"proposal": value}
        errors = self._faults(level, after, said, blocked, local)
        return Step(new, Reward(_NO_TERMS, {PLANNER: local}), False, False, self._info(new, PLANNER, errors))

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
        outcome = self._outcome(level, board, solved, potential, turn)
        local: dict[str, float] = {}
        errors = self._faults(level, board, said, blocked, local)
        said_of_it = ""  # compact prompts have no words
        if self.style == "full":
            why = self.why_blocked(level, board, blocked) if blocked else ""
            said_of_it = feedback(self.between.join((*accepted, *wanted[:count])), blocked, why, errors)
        new = BoardState(state.task, board, turn, potential, None, said_of_it, outcome)
        local_terms = {agent: local}
        if proposal is not None:
            local_terms[PLANNER] = {"proposal": -proposal.value}
        reward = Reward({"progress": potential - state.potential, "success": float(solved)}, local_terms)
        ended = outcome in ("solved", "lost")
        return Step(new, reward, ended, outcome == "out_of_turns", self._info(new, agent, errors))

    def _outcome(self, level: Any, board: B, solved: bool, potential: float, turn: int) -> Outcome:
        """Returns how the episode has ended with `turn` turns completed, "" where it goes on."""
        if solved:
            return "solved"
        if potential == WORST and self.lost(level, board):
            return "lost"
        return "out_of_turns" if turn >= self.turns else ""

    def _faults(self, level: Any, board: B, said: MoveList, blocked: str, local: dict[str, float]) -> str:
        """Adds the penalties to `local` and returns what was wrong in words, or ""."""
        if said.error is not None:
            local["format"] = PENALTY
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
        if agent != EXECUTOR or proposal is None:
            return Prompt(f"{self.compact(level, board)} {agent[:-2]}")
        return Prompt(f"{self.compact_proposal(level, board, proposal)} executor")

    def _situation(self, state: BoardState[B], agent: AgentID) -> str:
        level, proposal = state.task.content, state.proposal
        lines = [f"Turn {state.turn + 1} of {self.turns}. The board:", self.shown(level, state.board)]
        lines.extend(self.remarks(level, state.board, "now"))
        if state.feedback:
            lines.append(f"Last turn: {state.feedback}")
        if agent == EXECUTOR and proposal is not None:
            lines.append(f"The planner proposes: {as_list(_moves_of(proposal))}")
            if proposal.blocked:
                why = self.why_blocked(level, proposal.after, proposal.blocked)
                lines.append(f"Its move {len(proposal.legal) + 1} ({proposal.blocked}) is blocked{why}.")
            lines.append(f"The board after its {len(proposal.legal)} legal moves:")
            lines.append(self.shown(level, proposal.after))
            lines.extend(self.remarks(level, proposal.after, "there"))
        return "\n".join(lines)

    def render(self, state: BoardState[B]) -> str:
        level = state.task.content
        ended = ": " + state.outcome if state.outcome else ""
        head = f"{self.name} {state.task.ref.id}, turn {state.turn} of {self.turns}{ended}"
        text = f"{head}\n{self.draw(level, state.board)}"
        if state.proposal is not None:
            text += f"\nproposed: {self.between.join(_moves_of(state.proposal)) or '(nothing)'}"
        return text

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
                return self._answer(CONTINUE, *self.spoken(level, proposal.after, rest))
        return self._answer(*self.spoken(level, state.board, self.solve(level, state.board)[: self.max_moves]))

    def longest_answer(self) -> str:
        return self._answer(CONTINUE, *[self.example_moves[0]] * self.max_moves)

    def passive_action(self, role: str) -> str | None:
        return self._answer(CONTINUE) if role == "executor" else None

    def _answer(self, *moves: str) -> str:
        """Returns moves in the form that the style asks for."""
        return (" ".join(moves) or "[]") if self.style == "compact" else f"Moves: {as_list(moves)}"

    # ---- saving ------------------------------------------------------------------------------------------------
    def dump(self, state: BoardState[B]) -> dict[str, Any]:
        ref, proposal = state.task.ref, state.proposal
        return {
            "task": {"source": ref.source, "id": ref.id, "digest": ref.digest, "level": state.task.content.text()},
            "board": self.dump_board(state.board),
            "turn": state.turn,
            "proposal": proposal and [self.between.join(proposal.legal), proposal.blocked],
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
        solved = self.solved(level, board)
        state = state._replace(outcome=self._outcome(level, board, solved, potential, turn))
        if data["outcome"] != state.outcome:
            raise ValueError(f"outcome is {data['outcome']!r}, but this board's is {state.outcome!r}")
        if data["proposal"] is not None:
            if self.acting(state) == (PLANNER,):
                state = self._propose(state, self.read(state, " ".join(data["proposal"]))).state
            if state.proposal is None or self.dump(state)["proposal"] != data["proposal"]:
                raise ValueError(f"nobody can have proposed {data['proposal']!r} on this board")
        return state


def _moves_of(proposal: Proposal[B]) -> list[str]:
    """Returns all that was proposed, down to the move that is blocked."""
    return [*proposal.legal, proposal.blocked] if proposal.blocked else [*proposal.legal]
