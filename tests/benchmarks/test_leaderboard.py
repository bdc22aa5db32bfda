"""What the leaderboard's files hold, and what is refused; how the pages behave is in test_leaderboard_pages.py."""

import base64
import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tyro")

import mas_envs
from benchmarks.leaderboard import file_name
from benchmarks.site.episodes import LONGEST, Film, choose
from benchmarks.site.markdown import escape
from benchmarks.site.markup import page, tag
from benchmarks.site.png import data_uri
from benchmarks.verify import load
from tests.benchmarks.sites import HOSTILE, built, data_of, edit, evaluated, hostile


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    for agent in ("expert", "random"):
        evaluated(folder / agent, agent)
    return folder


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_site_has_its_pages_its_table_and_its_ranking(results, tmp_path):
    assert built(results, tmp_path / "site") == 0
    pages = {"entries/expert.html", "entries/random.html"}
    assert files_in(tmp_path / "site") == {"index.html", "leaderboard.md", "leaderboard.json", *pages}
    [board] = json.loads((tmp_path / "site/leaderboard.json").read_text())["boards"]
    assert [(e["rank"], e["name"], e["as_good_as_best"]) for e in board["entries"]] == [
        (1, "expert", True),
        (2, "random", False),
    ]
    table = (tmp_path / "site/leaderboard.md").read_text()
    assert "| 1* | [expert](entries/expert.html) | expert | 1.000 [" in table and "McNemar" in table


def test_the_viewers_episodes_are_those_of_the_entry(results, tmp_path):
    assert built(results, tmp_path / "site") == 0
    data, loaded = data_of(tmp_path / "site/entries/random.html"), load(results / "random")
    assert len(data["episodes"]) == len(loaded.lines)
    for shown, line in zip(data["episodes"], loaded.lines, strict=True):
        assert shown["outcome"] == ("solved" if line["success"] else "failed")
        assert len(shown["boards"]) == len(line["moments"]) + 1
        task = loaded.tasks[line["number"]]
        assert data["texts"][shown["boards"][0]["text"]] == loaded.game.render(loaded.game.initial(task))
        for step, moment in zip(shown["steps"], line["moments"], strict=True):
            assert {each["agent"]: data["texts"][each["text"]] for each in step["said"]} == moment["actions"]
            assert step["rewards"] == pytest.approx(moment["rewards"])
            terms = sum(step["team"].values()) + sum(step["local"].get("planner_0", {}).values())
            assert terms == pytest.approx(moment["rewards"]["planner_0"])
            assert {a: data["texts"][e] for a, e in step["errors"].items()} == moment["errors"]


def test_only_so_many_episodes_are_on_a_page_and_it_says_so(results, tmp_path):
    assert built(results, tmp_path / "site", "--episodes", "2") == 0
    content = (tmp_path / "site/entries/expert.html").read_text()
    assert len(data_of(tmp_path / "site/entries/expert.html")["episodes"]) == 2
    assert "These are 2 of 12 episodes" in content
    lines = [{"success": success} for success in (False, True, None, True, False, True)]
    assert choose(lines, 2) == [lines[0], lines[1], lines[2], lines[3]]


def test_what_does_not_verify_is_shown_without_its_numbers(results, tmp_path, capsys):
    shutil.copytree(results, tmp_path / "results")
    edit(tmp_path / "results/random/summary.json", success=lambda _: 0.98765)
    (tmp_path / "results/cut").mkdir()
    (tmp_path / "results/cut/entry.json").write_text('{"format": 3, "env": "soko')
    assert built(tmp_path / "results", tmp_path / "site") == 1
    content = (tmp_path / "site/index.html").read_text()
    assert content.count('<span class="badge">unverified</span>') == 2 and "Success in summary.json" in content
    assert files_in(tmp_path / "site/entries") == {"expert.html"}
    assert "Unverified" in (tmp_path / "site/leaderboard.md").read_text()
    said = capsys.readouterr().out
    assert "cut: unverified" in said and "1 entries verified, 2 not" in said


def edit_episode(folder: Path, **changes) -> None:
    first, *others = (folder / "episodes.jsonl").read_text().splitlines(keepends=True)
    (folder / "episodes.jsonl").write_text("".join([json.dumps({**json.loads(first), **changes}) + "\n", *others]))


BROKEN = {
    "another format": lambda folder: edit(folder / "entry.json", format=lambda _: 1),
    "another version of the game": lambda folder: edit(folder / "entry.json", env_version=lambda _: 99),
    "an unknown game": lambda folder: edit(folder / "entry.json", env=lambda _: "chess"),
    "a list for a number": lambda folder: edit(folder / "entry.json", limit=lambda _: [1]),
    "a number for the game": lambda folder: edit(folder / "entry.json", env=lambda _: 3),
    "a list for the settings": lambda folder: edit(folder / "entry.json", env_settings=lambda _: ["size"]),
    "numbers for agents": lambda folder: edit(folder / "entry.json", agents=lambda found: dict.fromkeys(found, 1)),
    "a temperature beyond counting": lambda folder: edit(folder / "entry.json", temperature=lambda _: 10**400),
    "a number that is a fraction": lambda folder: edit_episode(folder, number=0.0),
    "tokens beyond counting": lambda folder: edit_episode(folder, tokens=10**400),
    "no attempts": lambda folder: edit(folder / "entry.json", attempts=lambda _: 0),
    "a summary that is a list": lambda folder: (folder / "summary.json").write_text("[]"),
    "no summary": lambda folder: (folder / "summary.json").unlink(),
    "no episodes": lambda folder: (folder / "episodes.jsonl").unlink(),
    "brackets without end": lambda folder: (folder / "summary.json").write_text("[" * 100_000),
    "brackets in an episode": lambda folder: (folder / "episodes.jsonl").write_text("[" * 100_000 + "\n"),
    "bytes that are no text": lambda folder: (folder / "episodes.jsonl").write_bytes(b"\xff\xfe\n"),
    "an episode that is cut off": lambda folder: (folder / "episodes.jsonl").write_text(
        (folder / "episodes.jsonl").read_text()[:-9]
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_damaged_entry_is_unverified_and_stops_nobody_else(results, tmp_path, what):
    shutil.copytree(results, tmp_path / "results")
    BROKEN[what](tmp_path / "results/random")
    assert built(tmp_path / "results", tmp_path / "site", "--episodes", "1") == 1
    ranking = json.loads((tmp_path / "site/leaderboard.json").read_text())
    assert [entry["name"] for board in ranking["boards"] for entry in board["entries"]] == ["expert"]
    [unverified] = ranking["unverified"]
    assert unverified["name"] == "random" and len(unverified["why"]) > 20
    assert str(tmp_path) not in unverified["why"], "a page says nothing of the machine that made it"


@pytest.mark.parametrize(
    ("results_name", "more", "said"),
    [
        ("nowhere", (), "is no folder"),
        ("empty", (), "holds no entry"),
        ("file", (), "is no folder"),
        ("good", ("--episodes", "0"), "from 1 to"),
        ("good", ("--out", "file"), "is a file"),
        ("good", ("--out", "full"), "--force"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(results, tmp_path, monkeypatch, capsys, results_name, more, said):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(results / "expert", tmp_path / "good/expert")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").write_text("mine")
    before = files_in(tmp_path)
    assert built(tmp_path / results_name, tmp_path / "site", *more) == 2
    assert said in capsys.readouterr().err
    assert files_in(tmp_path) == before


def test_force_replaces_a_site_and_leaves_other_files(results, tmp_path):
    shutil.copytree(results, tmp_path / "results")
    assert built(tmp_path / "results", tmp_path / "site") == 0
    (tmp_path / "site/notes.txt").write_text("mine")
    (tmp_path / "site/entries/notes.html").write_text("mine, too")
    shutil.rmtree(tmp_path / "results/random")
    assert built(tmp_path / "results", tmp_path / "site") == 2
    assert (tmp_path / "site/entries/random.html").exists()
    assert built(tmp_path / "results", tmp_path / "site", "--force") == 0
    ours = {"index.html", "leaderboard.md", "leaderboard.json", "entries/expert.html"}
    assert files_in(tmp_path / "site") == {*ours, "notes.txt", "entries/notes.html"}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_index_of_a_site_that_is_replaced_is_written_after_the_pages(results, tmp_path, monkeypatch):
    assert built(results, tmp_path / "site") == 0
    moved, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, to: (moved.append(Path(to).parent.name), replace(path, to))[1])
    assert built(results, tmp_path / "site", "--force") == 0
    moved = [name for name in moved if name in ("entries", "site")]
    assert moved == sorted(moved) and moved.count("entries") >= 2 and moved.count("site") == 3


def test_a_site_is_made_in_the_folder_that_one_is_in(results, tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path / "site")
    assert built(results, Path(".")) == 0 and (tmp_path / "site/index.html").exists()


def test_an_old_sites_list_of_pages_deletes_nothing_outside_it(results, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "precious.html").write_text("mine")
    pages = [{"page": "../precious.html"}, {"page": "entries/../../precious.html"}, {"page": 3}]
    (tmp_path / "site/leaderboard.json").write_text(json.dumps({"boards": [{"entries": pages[:2]}]}))
    assert built(results, tmp_path / "site", "--force", "--episodes", "1") == 0
    assert (tmp_path / "precious.html").read_text() == "mine"


def test_a_site_that_cannot_be_finished_is_not_begun(results, tmp_path, monkeypatch):
    from benchmarks import leaderboard

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(leaderboard, "table_of", fail)
    with pytest.raises(KeyboardInterrupt):
        built(results, tmp_path / "site")
    assert list(tmp_path.iterdir()) == []


def test_hostile_texts_are_data_in_every_file(tmp_path, monkeypatch):
    hostile(tmp_path / "results" / "<img src=x onerror=alert(1)>|x", monkeypatch)
    assert built(tmp_path / "results", tmp_path / "site") == 0
    [entry] = (tmp_path / "site/entries").iterdir()
    for path in (tmp_path / "site/index.html", entry):
        content = path.read_text(encoding="utf-8")
        assert content.count("<script") == 2 and content.count("</script") == 2 and content.count("<img") == 0
    table = (tmp_path / "site/leaderboard.md").read_text(encoding="utf-8")
    assert "<img" not in table and "<script" not in table and "](javascript" not in table
    rows = [line for line in table.splitlines() if line.startswith("| 1*")]
    assert len(rows) == 1 and rows[0].count("|") == 9
    said = data_of(entry)["episodes"][0]["steps"][0]["said"][0]["text"]
    assert data_of(entry)["texts"][said] == HOSTILE


def test_markup_escapes_everything_and_the_policy_names_the_scripts_hash():
    assert tag("p", "<b>", title='"') == '<p title="&quot;">&lt;b&gt;</p>'
    content = page("t", tag("p"), "leaderboard", {"x": "</script><!--"})
    assert "script-src &#x27;sha256-" in content and "unsafe" not in content
    assert "</script><!--" not in content
    with pytest.raises(ValueError, match="JSON"):
        page("t", tag("p"), "leaderboard", float("nan"))


def test_markdown_shows_a_text_as_it_is():
    assert escape("a|b\n[c](d) <e> `f` *g* snake_case _h_") == (
        "a&#124;b &#91;c&#93;(d) &#60;e&#62; &#96;f&#96; &#42;g&#42; snake_case &#95;h&#95;"
    )
    assert escape("https://a.b www.c.d e@f.g $x$") == "https&#58;//a.b www&#46;c.d e&#64;f.g &#36;x&#36;"


def test_every_entry_has_a_page_of_its_own():
    names = ["a b", "a-b", "a/b", "a%20b", "ä", "x" * 300, "x" * 301, "../up", "A-b"]
    names += [file_name(name).removesuffix(".html") for name in names if file_name(name) != f"{name}.html"]
    assert len({file_name(name).lower() for name in names}) == len(names)
    assert all("/" not in file_name(name) and len(file_name(name)) < 130 for name in names)


def unpacked(uri: str) -> np.ndarray:
    """Returns the pixels of a PNG as this project writes them."""
    content, pieces = base64.b64decode(uri.partition(",")[2])[8:], {}
    while content:
        [length] = struct.unpack(">I", content[:4])
        assert zlib.crc32(content[4 : 8 + length]) == struct.unpack(">I", content[8 + length : 12 + length])[0]
        pieces[content[4:8]], content = content[8 : 8 + length], content[12 + length :]
    wide, high = struct.unpack(">II", pieces[b"IHDR"][:8])
    rows = np.frombuffer(zlib.decompress(pieces[b"IDAT"]), np.uint8).reshape(high, -1)[:, 1:]
    if b"PLTE" not in pieces:
        return rows.reshape(high, wide, 3)
    return np.frombuffer(pieces[b"PLTE"], np.uint8).reshape(-1, 3)[rows]


@pytest.mark.parametrize("env", ["sokoban", "plan_path", "sudoku"])
def test_a_picture_is_kept_without_loss(env):
    game = mas_envs.make_game(env)
    picture = game.picture(game.initial(game.task("test", 0)))
    assert (unpacked(data_uri(picture)) == picture).all()


def test_a_picture_of_many_colours_is_kept_without_loss():
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert (unpacked(data_uri(picture)) == picture).all()


def test_a_long_text_keeps_its_end_and_says_what_is_left_out():
    film = Film()
    assert film.text("x" * LONGEST + "end") == 0 and film.text("x" * LONGEST + "end") == 0
    assert film.texts[0].endswith("xend") and film.texts[0].startswith("[3 characters")
