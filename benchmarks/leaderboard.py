"""Ranks the entries of a folder, and writes a table in Markdown and a static site with their episodes.

    python -m benchmarks.leaderboard results/ --out site/

Every entry is verified first; one that does not verify is shown as unverified, without its numbers. The site needs no
server and asks for nothing from anywhere: `site/index.html` opens from a file.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import verify
from benchmarks.entries import read_entry
from benchmarks.ranking import Board, Unverified, Verified, agent_text, boards_of
from benchmarks.site.episodes import Film, choose, episodes_of
from benchmarks.site.markdown import table_of
from benchmarks.site.pages import entry_page, index_page
from benchmarks.site.runs import Curve, curve_of, run_of, trees_of
from benchmarks.site.trees import entry_trees
from mas_envs.core.errors import MasEnvsError, StateError, UsageError, in_range
from trainers.run.files import make_folder, write_folder, write_text, writing

MARK = "leaderboard.json"
"""A file of every site: the ranking as JSON, and what else the site is made of."""
EPISODES = 25


def find(results: Path) -> list[Path]:
    """Returns the folders of all entries under `results`, itself among them; raises UsageError where there are none."""
    if not results.is_dir():
        raise UsageError(
            f"{str(results)!r} is no folder. Give the folder that holds the entries of benchmarks.evaluate."
        )
    found = sorted({path.parent for path in results.rglob("entry.json")})
    if not found:
        raise UsageError(
            f"{str(results)!r} holds no entry (a folder with an entry.json). Make one: python -m benchmarks.evaluate "
            f"--env sokoban --agent expert --out {results / 'sokoban-expert'}"
        )
    return found


def check(results: Path, folder: Path) -> Verified | Unverified:
    """Returns an entry with its episodes if it verifies, else why it does not."""
    name = folder.relative_to(results).as_posix()
    name = (results.resolve().name if name == "." else name).encode("utf-8", "replace").decode()
    game = agent = ""
    try:
        entry = read_entry(folder)
        game, agent = entry.env, agent_text(entry.agents)
        loaded = verify.load(folder)
        return Verified(name, folder, loaded, verify.check(loaded, folder))
    except MasEnvsError as error:
        return Unverified(name, game, agent, _without(folder, error))


def _without(folder: Path, error: MasEnvsError) -> str:
    """Returns what an error says, without the folder: pages name no folder of ours."""
    return str(error).replace(f"{folder}{os.sep}", "")


def write_site(results: Path, out: Path, most: int, force: bool) -> tuple[list[Board], list[Unverified]]:
    """Writes the site of all entries under `results` and returns what it shows.

    Args:
        most: episodes of an entry that succeeded, and as many of those that did not, that its page holds.
        force: write into a folder that holds something already. An earlier site there is replaced; other files stay.

    Raises UsageError, and writes nothing, where there is no entry, or `out` may not be written.
    """
    in_range("--episodes", most, 1, 10_000)
    folders = find(results)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out is {str(out)!r}, which is a file. Give a folder.")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise UsageError(
            f"--out is {str(out)!r}, which holds something already. Give another folder, or --force to replace the "
            "leaderboard there (other files stay)."
        )
    out = out.absolute()
    make_folder(out.parent)
    found = [check(results, folder) for folder in folders]
    boards = boards_of(each for each in found if isinstance(each, Verified))
    unverified = [each for each in found if isinstance(each, Unverified)]
    if out.is_dir() and any(out.iterdir()):
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as made:
            _fill(Path(made), boards, unverified, most)
            _replace(Path(made), out)
    else:
        write_folder(out, lambda path: _fill(path, boards, unverified, most))
    return boards, unverified


def _fill(out: Path, boards: Sequence[Board], unverified: Sequence[Unverified], most: int) -> None:
    """Writes all files of a site into an empty folder."""
    (out / "entries").mkdir()
    links: dict[str, str] = {}
    curves: dict[str, Curve] = {}
    for board in boards:
        for place in board.places:
            row = place.row
            links[row.name] = f"entries/{file_name(row.name)}"
            run = run_of(row.entry)
            if run is not None and (curve := curve_of(run)):
                curves[row.name] = curve
            data, notes = _viewer(row, run, most)
            content = entry_page(place, board, "../index.html", curves.get(row.name, []), notes, data)
            write_text(out / links[row.name], content)
    write_text(out / "index.html", index_page(boards, unverified, links, curves))
    write_text(out / "leaderboard.md", table_of(boards, unverified, links))
    write_text(out / MARK, json.dumps(_ranking(boards, unverified, links), indent=2) + "\n")


def _viewer(row: Verified, run: Path | None, most: int) -> tuple[dict[str, Any], list[str]]:
    """Returns what the viewer of an entry shows, and what has to be said of it."""
    entry, game, tasks, every = row.loaded
    film, lines = Film(), choose(every, most)
    episodes = episodes_of(film, game, tasks, lines, entry.alpha)
    notes = ["Played again from the recorded actions by the game's own rules when this page was made."]
    if len(lines) < len(every):
        notes.append(
            f"These are {len(lines)} of {len(every)} episodes: at most the first {most} that succeeded, and the first "
            f"{most} that did not. All of them are in the entry's episodes.jsonl."
        )
    shown = "with the candidates of every group, their rewards, and the one from which the episode went on."
    try:
        trees = entry_trees(film, row.folder, row.loaded)
    except StateError as error:
        trees = []
        notes.append(f"Trees are left out: {_without(row.folder, error)}")
    if trees:
        notes.append(f"After them, {_tasks(trees)} that the agents played once more, {shown}")
    training = trees_of(film, run) if run is not None else []
    if training:
        notes.append(f"At the end, {_tasks(training)} as the run played while it trained, {shown}")
    return {"texts": film.texts, "pictures": film.pictures, "episodes": episodes + trees + training}, notes


def _tasks(trees: Sequence[Any]) -> str:
    return "1 task" if len(trees) == 1 else f"{len(trees)} tasks"


def file_name(name: str) -> str:
    """Returns the name of an entry's page, another one for every entry, which means the same on every file system."""
    if re.fullmatch(r"[a-z0-9._-]{1,100}", name) and not re.search(r"-[0-9a-f]{16}$", name):
        return f"{name}.html"
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:80]
    return f"{plain}-{hashlib.blake2b(name.encode('utf-8', 'replace'), digest_size=8).hexdigest()}.html"


def _ranking(boards: Sequence[Board], unverified: Sequence[Unverified], links: Mapping[str, str]) -> dict[str, Any]:
    return {
        "format": 1,
        "boards": [
            {
                "tasks": board.tasks,
                "limit": board.limit,
                "entries": [
                    {
                        "rank": place.rank,
                        "name": place.row.name,
                        "agents": dict(place.row.entry.agents),
                        "decoding": place.row.entry.decoding,
                        "env_settings": dict(place.row.entry.env_settings),
                        **place.row.summary["with_masked_as_failures"],
                        "p": place.p,
                        "as_good_as_best": place.as_good,
                        "page": links[place.row.name],
                    }
                    for place in board.places
                ],
            }
            for board in boards
        ],
        "unverified": [{"name": each.name, "why": each.why} for each in unverified],
    }


def _replace(made: Path, out: Path) -> None:
    """Moves a site over an older one; pages of entries that are no more go, other files stay."""
    with writing(out):
        (out / "entries").mkdir(exist_ok=True)
        gone = [page for page in _pages(out / MARK) if not (made / page).exists()]
        for path in sorted(made.rglob("*"), key=lambda path: path.parent == made):  # the index after what it links
            if path.is_file():
                path.replace(out / path.relative_to(made))
        for page in gone:
            (out / page).unlink(missing_ok=True)


def _pages(mark: Path) -> list[str]:
    """Returns the pages of the site that is there already, as far as it says; names that leave its folder are none."""
    try:
        boards = json.loads(mark.read_text(encoding="utf-8"))["boards"]
        pages = [entry["page"] for board in boards for entry in board["entries"]]
        return [page for page in pages if re.fullmatch(r"entries/[A-Za-z0-9._-]+\.html", page)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status: 0 all entries verify, 1 some do not, 2 nothing was written."""
    about = "Ranks entries, and writes a table and a static site with their episodes."
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaderboard", description=about)
    parser.add_argument("results", type=Path, help="folder that holds the entries, at any depth")
    parser.add_argument("--out", type=Path, required=True, help="folder of the site")
    parser.add_argument(
        "--episodes", type=int, default=EPISODES, metavar="N",
        help="episodes on an entry's page: the first N that succeeded and the first N that did not (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="write where something is already")
    given = parser.parse_args(argv)
    try:
        boards, unverified = write_site(given.results, given.out, given.episodes, given.force)
    except MasEnvsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for each in unverified:
        print(f"{each.name}: unverified. {each.why}".encode("utf-8", "replace").decode())
    count = sum(len(board.places) for board in boards)
    print(f"{count} entries verified, {len(unverified)} not. Open {given.out / 'index.html'}")
    return 1 if unverified else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
