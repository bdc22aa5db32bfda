"""Tables of finished rows, and what they show of what the paper says; docs/results.md is all of that on one page.

Everything on the page follows from rows.jsonl: numbers, verdicts, and the sentence that says where ours does not show
the same as the paper.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.paper import plots, published
from benchmarks.paper.claims import (
    ABLATED,
    CLAIMS,
    FAIR,
    OURS,
    Claim,
    Rows,
    claimed,
    mean,
    pairs_of,
    reported,
    seeds_of,
    shown,
    verdict,
)
from benchmarks.paper.results import Record, versions_of_code
from benchmarks.paper.rows import ABLATION, ALL, GAMES, RL_SECONDS, ROWS, Scale, unavailable, wanted
from trainers.run.files import make_folder, write_text

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {
    "sokoban": "Sokoban",
    "plan_path": "Plan-Path",
    "sudoku": "Sudoku",
    "code_test": "Code-test",
    "math_verify": "Math-verify",
}
SEEDS = (0, 1)
"""Those that every row of the table has, at least."""


# ---- tables ----------------------------------------------------------------------------------------------------------
def game_table(rows: Rows, game: str) -> list[str]:
    """Returns the Markdown table of a game's rows."""
    return _table(rows, game, [row.name for row in ROWS], _published_columns(game))


def ablation_table(rows: Rows) -> list[str]:
    """Returns the Markdown table of the ablation."""
    names = ["team", "team-atgrpo-shared", "team-atgrpo-per-role", *(row.name for row in ABLATION)]
    return _table(rows, "plan_path", names, {"paper, table 3": published.ablation})


def _published_columns(game: str) -> dict[str, Callable[[str], Sequence[float]]]:
    return {
        f"paper, {model}": lambda row, model=model: published.success(game, row, model) for model in published.MODELS
    }


def _table(
    rows: Rows, game: str, names: Sequence[str], papers: Mapping[str, Callable[[str], Sequence[float]]]
) -> list[str]:
    seeds = sorted({seed for of, _, seed in rows if of == game})
    head = [
        "",
        *(f"seed {seed}" for seed in seeds),
        "mean",
        "turns",
        "invalid",
        "CPU min: start + RL",
        "tokens written",
        *papers,
    ]
    lines = [_line(head), "|---" * len(head) + "|"]
    for name in names:
        there = [rows[game, name, seed] for seed in seeds_of(rows, game, name)]
        if not there:
            why = unavailable(game, ALL[name])
            if game in ALL[name].games:
                blank = [f"not available: {why}" if why else "not made"] + [""] * (len(seeds) + 4)
                lines.append(_line([ALL[name].title, *blank, *(_percent(of(name)) for of in papers.values())]))
            continue
        cells = [_success(rows.get((game, name, seed))) for seed in seeds]
        cells += [
            f"**{mean(there):.3f}**",
            _average(there, "turns", "{:.1f}"),
            _average(there, "invalid_actions", "{:.1%}"),
        ]
        cells += [_minutes(there), _training(there, "tokens_generated", "{:,.0f}")]
        lines.append(_line([ALL[name].title, *cells, *(_percent(of(name)) for of in papers.values())]))
    return lines


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _success(row: Record | None) -> str:
    return "" if row is None else "{:.3f} [{:.3f}, {:.3f}]".format(row["success"], *row["ci95"])


def _percent(numbers: Sequence[float]) -> str:
    return " / ".join(f"{number:.1f}" for number in numbers)


def _average(rows: Sequence[Record], name: str, form: str) -> str:
    return form.format(sum(row[name] for row in rows) / len(rows))


def _minutes(rows: Sequence[Record]) -> str:
    """Returns the CPU minutes of warm start and RL, those that there are."""
    kinds = [[row[kind]["cpu_min"] for row in rows if kind in row] for kind in ("start", "training")]
    return " + ".join(f"{sum(found) / len(found):.1f}" for found in kinds if found)


def _training(rows: Sequence[Record], name: str, form: str) -> str:
    trained = [row["training"][name] for row in rows if "training" in row]
    return form.format(sum(trained) / len(trained)) if trained else ""


def claims_table(rows: Rows, game: str, claims: Sequence[Claim]) -> list[str]:
    """Returns the Markdown table of what a game's rows show of some claims; [] where there is no row for any."""
    lines: list[str] = []
    for claim in claims:
        if found := shown(rows, game, claim):
            points, pairs = reported(game, claim), pairs_of(rows, game, claim)
            better, worse = map(mean, zip(*pairs, strict=True))
            told = " / ".join(f"{p:+.1f}" for p in points)
            says = verdict(points, found) + ("" if pairs[1:] else " (one seed)")
            lines.append(_line([claim.says, told, f"{100 * (better - worse):+.1f}", says]))
    return [_line(["", "paper, points", "ours, points", ""]), "|---|---|---|---|", *lines] if lines else []


def not_the_same(rows: Rows) -> list[str]:
    """Returns a line for every claim of the paper's numbers that ours does not bear out."""
    return [
        line
        for game in GAMES
        for claim in (*CLAIMS, *(ABLATED if game == "plan_path" else ()))
        if claimed(reported(game, claim))
        for line in _unshown(rows, game, claim)
    ]


def not_shown_besides(rows: Rows) -> list[str]:
    """Returns a line for every claim without numbers of the paper that ours does not bear out."""
    every = ((game, claim) for game in GAMES for claim in (*FAIR, *(OURS if game == "plan_path" else ())))
    return [line for game, claim in every for line in _unshown(rows, game, claim)]


def _unshown(rows: Rows, game: str, claim: Claim) -> list[str]:
    found = shown(rows, game, claim)
    if found in ("", "yes"):
        return []
    pairs = pairs_of(rows, game, claim)
    how = {"reversed": "the opposite, in every seed"}.get(found, "within chance, or seeds disagree")
    if not pairs[1:]:
        how = "in one seed, " + ("the opposite" if found == "reversed" else "within chance")
    better, worse = map(mean, zip(*pairs, strict=True))
    return [f"- {NAMES[game]}: {claim.says}. Ours: {better:.3f} against {worse:.3f}; {how}."]


def _nowhere(rows: Rows) -> str:
    claims = [(game, claim) for game in GAMES for claim in (*CLAIMS, *ABLATED)]
    compared = any(claimed(reported(game, claim)) and pairs_of(rows, game, claim) for game, claim in claims)
    return "Nowhere, as far as rows are there." if compared else "No rows are there yet that could be compared."


# ---- pages -----------------------------------------------------------------------------------------------------------
def provenance(rows: Rows) -> list[str]:
    """Returns lines on what made the rows; rows of other versions of the code than most are named."""
    made = versions_of_code(rows)
    (first, of_first), *others = made.items()
    some = rows[of_first[0]]
    packages = ", ".join(f"{name} {number}" for name, number in some["versions"].items())
    lines = [f"{len(rows)} rows of the scale `{some['scale']}`, by code of commit `{first}` ({packages})."]
    for code, keys in others:
        names = ", ".join("/".join(map(str, key)) for key in keys)
        lines.append(f"**Of other code**, `{code}`, and not to be compared with the rest: {names}.")
    if odd := [key for key, row in rows.items() if row["versions"] != some["versions"]]:
        names = ", ".join("/".join(map(str, key)) for key in odd)
        lines.append(f"**Of other packages**, and not to be compared with the rest: {names}.")
    changed = [code for code in made if "+" in code or "then" in code or code == "unknown"]
    if changed:
        lines.append(f"**Code that no commit holds** made the rows of {', '.join(f'`{code}`' for code in changed)}.")
    return lines


def not_made(rows: Rows) -> list[str]:
    """Returns a line that says how many rows of the table, and of which games, are still to be made; [] for none."""
    every = {game: wanted([game], (), SEEDS, Scale("tiny"), Path()).keys() for game in GAMES}
    left = {game: len(keys - rows.keys()) for game, keys in every.items()}
    named = [f"{NAMES[game]} {f'{count} of' if count < len(every[game]) else 'all'} {len(every[game])}"
             for game, count in left.items() if count]  # fmt: skip
    return [f"**Not made yet**, of {len(SEEDS)} seeds: {', '.join(named)}."] if named else []


def played(rows: Rows, game: str) -> str:
    """Returns what a game's rows played, and what of it is masked, as the infrastructure failed."""
    of_game = {key: row for key, row in rows.items() if key[0] == game}
    sets = sorted({f"`{row['tasks']}`, {row['episodes']:,} episodes" for row in of_game.values()})
    masked = [f"{row['masked']} of {name}/seed{seed}" for (_, name, seed), row in of_game.items() if row["masked"]]
    found = "; ".join(sets)
    found = f"**Rows of different tasks, not to be compared**: {found}" if sets[1:] else f"Played: {found}"
    return found + (f". Masked, and left out: {', '.join(masked)}." if masked else ".")


def body(rows: Rows, picture: str) -> list[str]:
    """Returns the tables of all games that have rows; `picture` has the game's name in {}."""
    lines: list[str] = []
    for game in GAMES:
        if not any(of == game for of, _, _ in rows):
            continue
        lines += [f"## {NAMES[game]}", "", f"![{NAMES[game]}]({picture.format(game)})", "", played(rows, game), ""]
        lines += [*game_table(rows, game), ""]
        if (columns := published.BENCHMARKS[game])[1:]:
            lines += [f"The paper's numbers are of {', '.join(columns)}, in this order.", ""]
        for title, claims in (("Of the paper:", CLAIMS), ("What makes it fair:", FAIR)):
            if table := claims_table(rows, game, claims):
                lines += [title, "", *table, ""]
        if game == "plan_path" and any(row.name == name for row in ABLATION for _, name, _ in rows):
            lines += ["### Ablation", "", *ablation_table(rows), "", *claims_table(rows, game, (*ABLATED, *OURS)), ""]
    return lines


def write_tables(path: Path, rows: Rows) -> None:
    """Writes tables.md."""
    write_text(
        path, "\n".join([*(provenance(rows) if rows else ["No rows yet."]), "", *body(rows, "{}.png")]).rstrip() + "\n"
    )


def text(rows: Rows) -> str:
    """Returns docs/results.md."""
    lines = [_HEAD]
    if not rows:
        lines += ["", "No rows have been recorded yet: the command above makes them."]
        return "\n".join(lines) + "\n"
    lines += ["", *provenance(rows), *not_made(rows), "", "## Where ours does not show what the paper does", ""]
    lines += not_the_same(rows) or [_nowhere(rows)]
    if besides := not_shown_besides(rows):
        lines += ["", "Nor does it show these, for which no numbers of the paper stand here:", "", *besides]
    return "\n".join([*lines, "", *body(rows, "assets/results-{}.png")]).rstrip() + "\n"


_HEAD = f"""# Results

<!-- Made of benchmarks/results/tiny/rows.jsonl by `python -m benchmarks.paper --docs`; do not edit. -->

The rows of the paper's table (arXiv 2510.11062), each made by ordinary commands, and beside them rows that make the
comparison fair: a single agent with as many turns as the team, whole episodes compared, random and scripted ends.

```bash
python -m benchmarks.paper --scale tiny          # all of it; a killed one goes on where it was
python -m benchmarks.paper --scale tiny --list   # every row, and the commands that make it
```

Success is that of greedy play on each game's standard task set, with 95 % Wilson intervals; every seed has its own
column. A turn of a team is an answer of each of its agents, so a single agent with as many turns gives half as many
answers, but all of them act. A training has about {RL_SECONDS} CPU seconds of RL on one thread (iterations are counted,
so it is more or less: the table says what it took). Rows of one form, game and seed begin with the same warm start on
expert episodes, which is what plays in the rows without RL; in the others the policies after the last iteration play.
CPU minutes are those of the warm start and of RL, in the trainer's process (sandboxed programs run in others; playing
held-out tasks is left out), tokens those that RL sampled; both are means over the seeds. A difference counts as shown
where, in every seed, its 95 % interval (Newcombe's, of two Wilson intervals) lies above zero. That all rows play the
same tasks is left aside: this errs towards saying nothing.

**What this can be compared with.** The paper trains Qwen3-1.7B and Qwen3-8B on GPUs, on tasks of its own; here a policy
of half a million parameters trains for minutes on this package's tasks. So directions can be compared, numbers cannot.
The paper's numbers, in percent, are those that its authors' repository states
([PettingLLMs](https://github.com/pettingllms-ai/PettingLLMs)). On boards the paper's team is a tool user and a planner;
its numbers stand beside that team and beside ours, a planner and an executor. The tool user learns the experts' program
by heart in its warm start, for it is the same on every task: where it works, nothing is left for RL. In Math-verify the
single agent that can use several turns is the tool user. `trained alone` is one policy, trained as a single agent from
the team's own warm start, and then put into both roles."""


def write_docs(rows: Rows) -> None:
    """Writes docs/results.md and its pictures."""
    write_text(DOCS / "results.md", text(rows))
    plots.draw(make_folder(DOCS / "assets"), rows, "results-{}.png")
