"""What a step earns: the differences of bounded potentials, so that nothing is earned by taking long.

An episode's sum of a term is what its potential is at the end: see the page of the game for what each means.
"""

from mas_envs.core.game import AgentID, Reward, Terms
from mas_envs.games.code_test.rules import CodeState

CODER, TESTER = "coder_0", "tester_0"
FORMAT, RUNS, CASES, VALID, KILLS = 0.1, 0.1, 0.3, 0.3, 0.6
"""The most that a term is worth in an episode; of FORMAT, the most that it costs."""
TEAM_RANGE = (-1.0, 2.0)
LOCAL_RANGE = (-FORMAT - RUNS - CASES, FORMAT + VALID + KILLS)


def potentials(state: CodeState) -> tuple[Terms, Terms, Terms]:
    """Returns the potentials of team, coder and tester by the names of their terms; all of them begin at 0."""
    problem, standing = state.problem, state.standing
    team = {"hidden": standing.passed / problem.tests}
    coder = {
        "format": -FORMAT * standing.faults[0],
        "runs": RUNS * standing.ran / problem.tests,
        "cases": CASES * standing.cases,
    }
    tester = {
        "format": -FORMAT * standing.faults[1],
        "valid": VALID * standing.good / standing.told if standing.told else 0.0,
        "kills": KILLS * len(standing.killed) / (len(problem.wrong) + 1),
    }
    return team, coder, tester


def reward(before: CodeState, after: CodeState, agents: tuple[AgentID, ...]) -> Reward:
    """Returns what the step from one state to the other earns `agents`, who are all that play."""
    team, coder, tester = (
        {name: new[name] - old[name] for name in new}
        for old, new in zip(potentials(before), potentials(after), strict=True)
    )
    team |= {"success": float(after.solved)}
    local = {agent: coder if agent == CODER else tester for agent in agents}
    return Reward(team, local)
