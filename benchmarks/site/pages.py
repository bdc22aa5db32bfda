"""The pages of the leaderboard: the index, and one for each entry with its episodes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.ranking import LEVEL, Board, Place, Unverified, Verified, agent_text
from benchmarks.site.curves import chart, interval
from benchmarks.site.markup import Html, join, page, tag
from benchmarks.site.runs import Curve

_COLUMNS = (
    ("Rank", "num", "ascending"),
    ("Entry", "", "ascending"),
    ("Success", "num", "descending"),
    ("Against the best", "num", "descending"),
    ("Turns", "num", "ascending"),
    ("Invalid actions", "num", "ascending"),
    ("Tokens per episode", "num", "ascending"),
)
"""Of a board's table: heading, how its values are compared, and the order that a first click gives."""
FEW = 3
"""Rows of a table that nobody needs to sort on a phone."""


def index_page(
    boards: Sequence[Board], unverified: Sequence[Unverified], links: Mapping[str, str], curves: Mapping[str, Curve]
) -> str:
    """Returns the page of all boards.

    Args:
        links: entry's name -> address of its page. curves: entry's name -> the curve of its run, where it has one.
    """
    count = sum(len(board.places) for board in boards)
    about = f"{count} entries verified: every episode was played again from its recorded actions."
    if unverified:
        about += f" {len(unverified)} did not verify."
    body = join(
        [
            _header("Leaderboard", tag("p", about)),
            tag(
                "main",
                _filters(boards, unverified),
                tag("p", role="status", id="shown", class_="quiet"),
                *(_board(number, board, links, curves) for number, board in enumerate(boards)),
                _unverified(unverified),
                _how_to_read(),
                id="main",
            ),
        ]
    )
    return page("mas-envs leaderboard", body, "leaderboard")


def entry_page(
    place: Place, board: Board, back: str, curve: Curve, notes: Iterable[str], data: Mapping[str, Any]
) -> str:
    """Returns the page of one entry with its viewer, whose episodes are in `data`.

    Args:
        back: address of the index. notes: what has to be said of the episodes, e.g. that they are not all.
    """
    row = place.row
    low, high = _interval_of(row)
    figures = [
        ("Success", f"{row.success:.3f} [{low:.3f}, {high:.3f}]"),
        (
            "Rank",
            f"{place.rank} of {len(board.places)}"
            + ("" if place.p is None else f", {_against(place)}, p = {place.p:.2g}"),
        ),
        *((f"Pass at {k}", f"{value:.3f}") for k, value in _attempts(row.summary, "pass_at")),
        *((f"Majority at {k}", f"{value:.3f}") for k, value in _attempts(row.summary, "majority_at")),
        ("Episodes", f"{row.summary['episodes']}, {row.summary['masked']} masked"),
    ]
    above = tag("p", tag("a", "All entries", href=back), " · ", tag("bdi", agent_text(row.entry.agents)))
    body = join(
        [
            _header(row.name, above),
            tag(
                "main",
                tag("dl", *(_pair(*each) for each in figures), class_="figures"),
                tag("details", tag("summary", "How it was made"), tag("dl", *(_pair(*each) for each in _facts(row)))),
                tag("h2", "Episodes"),
                *(tag("p", note, class_="quiet") for note in notes),
                tag("div", id="viewer"),
                tag("h2", "How it learned") if curve else "",
                chart({row.name: curve}, row.name),
                id="main",
            ),
        ]
    )  # fmt: skip
    return page(f"{row.name}: mas-envs leaderboard", body, "viewer", data)


def _facts(row: Verified) -> list[tuple[str, object]]:
    """Returns what an entry's page says of how it was made and what came of it in detail."""
    entry, summary = row.entry, row.summary
    families = [
        (f"Success on {name}", f"{found['success']:.3f} of {found['episodes']}")
        for name, found in summary["families"].items()
    ]
    used = [f"{name.replace('_', ' ')} {value:,g}" for name, value in summary["usage"].items() if value]
    return [
        ("Task set", f"{entry.tasks}, first {entry.limit} tasks"),
        ("Decoding", entry.decoding),
        ("Seed", entry.seed),
        ("Command", summary.get("command", "")),
        ("Settings", ", ".join(f"{key}={value}" for key, value in entry.env_settings.items())),
        ("Answers took", ", ".join(used)),
        *families,
        *((f"Mean {name}", f"{value:+.3f}") for name, value in summary["rewards"].items()),
    ]


def _header(title: str, *inside: Html) -> Html:
    toggle = tag("button", "Dark colours", type="button", id="theme", aria_pressed="false")
    return tag("header", tag("div", tag("h1", tag("bdi", title)), *inside), toggle)


def _pair(name: str, value: object) -> Html:
    return tag("div", tag("dt", name), tag("dd", tag("bdi", value)))


def _filters(boards: Sequence[Board], unverified: Sequence[Unverified]) -> Html:
    games = sorted({board.game for board in boards} | {each.game for each in unverified if each.game})
    sets = list(dict.fromkeys(board.tasks for board in boards))
    return tag(
        "form",
        tag("label", "Game", tag("select", tag("option", "all", value=""), *_options(games), id="game")),
        tag("label", "Task set", tag("select", tag("option", "all", value=""), *_options(sets), id="set")),
        tag("label", "Entry or agent", tag("input", type="search", id="agent", placeholder="part of a name")),
        class_="filters",
        role="search",
        aria_label="Filters",
    )


def _options(values: Iterable[str]) -> list[Html]:
    return [tag("option", value, value=value) for value in values]


def _board(number: int, board: Board, links: Mapping[str, str], curves: Mapping[str, Curve]) -> Html:
    heads = [
        tag("th", tag("button", name, type="button"), scope="col", data_kind=kind, data_first=first,
            aria_sort="ascending" if name == "Rank" else "none")
        for name, kind, first in _COLUMNS
    ]  # fmt: skip
    ways = board.ways
    rows = [_row(place, links[place.row.name], ways[place.row.name]) for place in board.places]
    found = {place.row.name: curves[place.row.name] for place in board.places if place.row.name in curves}
    tasks = "1 task" if board.limit == 1 else f"{board.limit} tasks"
    return tag(
        "section",
        tag("h2", board.tasks, " ", tag("small", tasks), id=f"board-{number}"),
        tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), aria_labelledby=f"board-{number}"),
        chart(found, board.tasks),
        class_="board",
        data_game=board.game,
        data_set=board.tasks,
        data_few=len(rows) <= FEW,
    )


def _row(place: Place, link: str, way: str) -> Html:
    row, summary = place.row, place.row.summary
    low, high = _interval_of(row)
    agent = agent_text(row.entry.agents)
    extra = [f"pass at {k}: {value:.3f}" for k, value in _attempts(summary, "pass_at")[-1:]]
    extra += [f"majority at {k}: {value:.3f}" for k, value in _attempts(summary, "majority_at")[-1:]]
    if summary["masked"]:
        extra.append(f"{summary['masked']} masked episodes count as failures; without them {summary['success']:.3f}")
    success = [
        interval(row.success, low, high),
        tag("span", f"{row.success:.3f} ", tag("small", f"[{low:.3f}, {high:.3f}]")),
        *(tag("small", each, class_="under") for each in extra),
    ]
    name = tag("a", tag("bdi", row.name), href=link)
    against = tag("span", _against(place), class_="as-good" if place.as_good else "worse")
    p = "" if place.p is None else tag("small", f"p = {place.p:.2g}", class_="under")
    tokens = summary["tokens"] / max(1, summary["episodes"])
    values = (
        (place.rank, place.rank),
        (row.name, join([name, *(tag("small", tag("bdi", text), class_="under") for text in (agent, way) if text)])),
        (row.success, join(success)),
        (2.0 if place.p is None else place.p, join([against, p])),
        (summary["turns"], f"{summary['turns']:.2f}"),
        (summary["invalid_actions"], f"{100 * summary['invalid_actions']:.1f} %"),
        (tokens, f"{tokens:,.0f}" if tokens else "none"),
    )
    cells = [
        tag("td", tag("div", shown), data_value=value, data_label=column[0], class_=column[1] or None)
        for (value, shown), column in zip(values, _COLUMNS, strict=True)
    ]
    classes = "as-good" if place.as_good else None
    return tag("tr", *cells, class_=classes, data_text=f"{row.name} {agent} {way}".lower())


def _against(place: Place) -> str:
    if place.p is None:
        return "best"
    return "not distinguishable" if place.as_good else "worse"


def _interval_of(row: Verified) -> tuple[float, float]:
    low, high = row.summary["with_masked_as_failures"]["ci95"]
    return low, high


def _attempts(summary: Mapping[str, Any], key: str) -> list[tuple[str, float]]:
    """Returns what a summary says of several attempts; of one attempt it says no more than the success."""
    return [(k, value) for k, value in summary.get(key, {}).items() if k != "1"]


def _unverified(found: Sequence[Unverified]) -> Html:
    if not found:
        return Html()
    items = [
        tag(
            "li",
            tag("strong", tag("bdi", each.name)),
            tag("span", "unverified", class_="badge"),
            tag("small", tag("bdi", each.agent), class_="under"),
            tag("p", tag("bdi", each.why)),
            data_game=each.game,
            data_text=f"{each.name} {each.agent}".lower(),
        )
        for each in found
    ]
    explained = "What these entries say could not be got again from their recorded actions, so no number is shown."
    return tag("section", tag("h2", "Unverified"), tag("p", explained), tag("ul", *items), class_="unverified")


def _how_to_read() -> Html:
    said = (
        "Success is the share of episodes that succeeded, with its 95 % Wilson interval; masked episodes, which the "
        "infrastructure lost, count as failures. Only entries that played the same tasks stand on one board.",
        "An entry is compared with the best of its board by the exact sign-flip permutation test on the successes, "
        "task by task (with one attempt at each task: McNemar's exact test), two-sided, corrected for the number of "
        f"pairs of entries. From p = {LEVEL} on it is not distinguishable from the best.",
        "Verifying proves that the numbers follow from the recorded actions by the game's own rules. It cannot prove "
        "who wrote the actions.",
    )
    return tag("section", tag("h2", "How to read this"), *(tag("p", each) for each in said), class_="how")
