"""A hook of MkDocs that writes what can be said of a game by asking it: ids, roles, prompts, rewards, numbers, a film.

In a page, `<!-- game: sokoban -->` becomes all of that for the registered game `sokoban`, and the film is added to the
site as `environments/sokoban.gif`; `<!-- transcript: NAME -->` becomes a transcript that the tests compare with what
the game says (tests/games/transcripts). So a page cannot say anything else than the code does.
"""

import re
import tempfile
from collections import defaultdict
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import mas_envs
from mas_envs.agents import Agent, ExpertAgent, RandomAgent, play
from mas_envs.animation import save_animation
from mas_envs.core.game import Game, Prompt, Result, Reward
from mas_envs.registry import game_class, registration
from mas_envs.sandbox import SandboxError
from mas_envs.sandbox.shared import shared_sandbox
from mas_envs.vector import step_all

MARK = re.compile(r"<!-- game: (\w+) -->")
TRANSCRIPT = re.compile(r"<!-- transcript: ([\w-]+) -->")
TRANSCRIPTS = Path(__file__).parents[1] / "tests/games/transcripts"
EPISODES = 40
"""Of each kind, from which the table of rewards is made."""
EPISODES_WITH_PROGRAMS = 8
"""The same where programs have to run."""


def on_files(files: Any, config: Any) -> Any:
    """Adds the film of every game that has pictures to the site."""
    from mkdocs.structure.files import File

    for name in pages(Path(config.docs_dir)):
        if "rgb_array" in mas_envs.make_game(name).render_modes:
            files.append(File.generated(config, f"environments/{name}.gif", content=film(name)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replaces the marks of a page."""
    markdown = TRANSCRIPT.sub(lambda match: fence((TRANSCRIPTS / f"{match[1]}.txt").read_text("utf-8")), markdown)
    return MARK.sub(lambda match: sections(match[1]), markdown)


def pages(folder: Path) -> list[str]:
    """Returns the names of the games that the pages in `folder` speak of."""
    texts = (path.read_text(encoding="utf-8") for path in sorted((folder / "environments").glob("*.md")))
    return [name for text in texts for name in MARK.findall(text)]


def sections(name: str) -> str:
    """Returns all that is generated for a game, as Markdown."""
    game = mas_envs.make_game(name)
    parts = [ways_in(name), glance(game), prompts(name)]
    if "rgb_array" in game.render_modes:
        parts.insert(0, f"![An episode of {name} played by the experts]({name}.gif)")
    if not needs_the_world(game):
        parts.append(rewards(game, EPISODES))
    elif programs_run():
        parts.append(rewards(game, EPISODES_WITH_PROGRAMS))
    if "action_type" in signature(game_class(name)).parameters:
        parts.append(numbers(name))
    return "\n\n".join(parts)


def film(name: str) -> bytes:
    """Returns an animated GIF of the experts, on the test task among the first few that takes them longest."""
    game = mas_envs.make_game(name)
    episodes = play(game, experts(game), [game.task("test", index) for index in range(20)])
    index = max(range(len(episodes)), key=lambda i: (bool(episodes[i].success), len(episodes[i].moments)))
    with tempfile.TemporaryDirectory() as folder:
        path = save_animation(game, game.task("test", index), episodes[index], Path(folder) / "film.gif")
        return path.read_bytes()


def experts(game: Game[Any]) -> dict[str, ExpertAgent]:
    """Returns the expert for every role."""
    return dict.fromkeys((role.name for role in game.roles), ExpertAgent())


def needs_the_world(game: Game[Any]) -> bool:
    """Says whether something has to happen outside before a step of the game, as running a program."""
    state = game.initial(game.task("test", 0))
    return bool(game.effects(state, {agent: game.expert(state, agent) for agent in game.acting(state)}))


def programs_run() -> bool:
    """Says whether this machine can hold programs; where it cannot, pages are built without what they would do."""
    try:
        return shared_sandbox().level >= 0
    except SandboxError:
        return False


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Returns a Markdown table; `|` in a cell is escaped."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def ways_in(name: str) -> str:
    """Returns under which names the environments are found."""
    entry = registration(name)
    module = f"{name}_v{entry.version}"
    rows = [
        ("PettingZoo, by module", f"`from mas_envs import {module}; env = {module}.env()`, `raw_env`, `parallel_env`"),
        ("PettingZoo, by name", f'`import mas_envs, pettingzoo; pettingzoo.make("aec", "{entry.pettingzoo_id}")`'),
        ("Gymnasium, one agent", f'`import mas_envs, gymnasium; gymnasium.make("{entry.gymnasium_id}")`'),
        ("the pure game", f'`mas_envs.make_game("{name}")`'),
    ]  # fmt: skip
    return "## Ways in\n\n" + table(("what", "how"), rows)


def glance(game: Game[Any]) -> str:
    """Returns the facts that have one number or one word."""
    (team_low, team_high), (local_low, local_high) = game.team_range, game.local_range
    rows = [
        ("agents, in the order in which they act", ", ".join(f"`{agent}`" for agent in game.agents)),
        ("turns", str(game.turns)),
        ("team reward of one step", f"{team_low:g} to {team_high:g}"),
        ("local reward of one step", f"{local_low:g} to {local_high:g}"),
        ("render modes", ", ".join(f"`{mode}`" for mode in game.render_modes)),
        ("settings, as they are by default", f"`{game.settings()}`"),
        ("version", str(game.version)),
    ]
    return "## At a glance\n\n" + table(("what", "default"), rows)


def prompts(name: str) -> str:
    """Returns what every role reads in the first turn of one test task, what its expert answers and what that earns, in
    each style; where programs have to run, also what came of them."""
    styles = [style for style in ("full", "compact") if "style" in signature(game_class(name)).parameters]
    parts = [
        "## What the agents read, and what an expert answers\n\nThe first turn of the first test task, played by the "
        "experts."
    ]
    for style in styles:
        game = mas_envs.make_game(name, style=style)
        state, seen = game.initial(game.task("test", 0)), set[str]()
        parts.append(f"### {style.capitalize()} style")
        while (acting := game.acting(state)) and not set(acting) <= seen:
            actions = {agent: game.expert(state, agent) for agent in acting}
            parts += [
                f"`{agent}` reads\n\n{quoted(game.observe(state, agent))}\n\nand answers\n\n{fence(answer)}"
                for agent, answer in actions.items()
            ]
            seen |= set(acting)
            if game.effects(state, actions) and not programs_run():
                break
            (step,) = step_all(game, [(state, actions)], None)
            if step is None:
                raise RuntimeError(
                    f"A step of {name} came to nothing through the infrastructure. Build the pages again."
                )
            parts.append(f"which earns {earned(step.reward)}.")
            state = step.state
        if state.turn and needs_the_world(game):
            parts.append(f"What there is then, rendered as text:\n\n{fence(game.render(state))}")
    return "\n\n".join(parts)


def earned(reward: Reward) -> str:
    """Returns the terms of a reward that are not zero, in words."""
    whose = {"the team": reward.team_terms, **{f"`{agent}`": terms for agent, terms in reward.local_terms.items()}}
    terms = [f"{who} {v:+.3g} ({name})" for who, found in whose.items() for name, v in found.items() if v]
    return ", ".join(terms) or "nothing"


def quoted(prompt: Prompt) -> str:
    """Returns a prompt as blocks: standing instructions where there are any, and the situation."""
    return "\n\n".join(f"({message.role} message)\n\n{fence(message.content)}" for message in prompt.messages)


def fence(text: str) -> str:
    """Returns a text as a block of code, whatever is in it."""
    marks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{marks}text\n{text}\n{marks}"


def rewards(game: Game[Any], count: int) -> str:
    """Returns the smallest and largest value of every reward term in `count` episodes, and of the returns."""
    seen: dict[tuple[str, str], list[float]] = defaultdict(list)
    rows: list[tuple[str, ...]] = []
    tasks = [game.task("test", index) for index in range(count)]
    players: dict[str, Agent | Callable[[str], str]] = {
        "experts": ExpertAgent(),
        "random agents": RandomAgent(),
        "no answers": lambda _prompt: "Who knows?",
    }
    for who, agent in players.items():
        episodes = play(game, {role.name: agent for role in game.roles}, tasks)
        for task, episode in zip(tasks, episodes, strict=True):
            state = game.initial(task)
            for moment in episode.moments:
                state, reward, *_ = game.step(state, moment.actions, [Result(value) for value in moment.results])
                for term, value in reward.team_terms.items():
                    seen["team", term].append(value)
                for name, terms in reward.local_terms.items():
                    for term, value in terms.items():
                        seen[name, term].append(value)
        solved = sum(bool(episode.success) for episode in episodes) / count
        for name in game.agents:
            returns = [episode.returns[name] for episode in episodes if episode.returns]
            rows.append((who, f"`{name}`", f"{round(sum(returns) / len(returns), 2) + 0.0:.2f}", f"{solved:.0%}"))
    terms = [
        (f"`{whose}`", f"`{term}`", f"{min(values):.3g}", f"{max(values):.3g}")
        for (whose, term), values in sorted(seen.items())
    ]
    return (
        f"## Rewards that were seen\n\nIn {count} episodes each of the experts, of random agents and of agents "
        "without an answer, on test tasks with the default settings; what a term means is said where rewards are.\n\n"
        + table(("whose", "term", "smallest", "largest"), terms)
        + "\n\n"
        + table(("played by", "agent", "mean return", "solved"), rows)
    )


def numbers(name: str) -> str:
    """Returns the numeric view: shape of the observation and what the actions are."""
    view = mas_envs.make_game(name, action_type="discrete").numeric()
    if view is None:
        return ""
    words = [
        f"`{number}`: `{action}`" if action else f"`{number}`: nothing" for number, action in enumerate(view.actions)
    ]
    shown = ", ".join(words if len(words) <= 12 else [*words[:8], "...", words[-1]])
    return (
        '## As numbers\n\nWith `action_type="discrete"` an observation has the shape '
        f"(planes, rows, columns) = {tuple(view.shape)}, and there are {len(view.actions)} actions: {shown}."
    )
