"""All that agents of code_test and math_verify read and earn is locked: see `transcribing`."""

import pytest

from mas_envs import make_game
from tests.games.transcribing import FOLDER, TRANSCRIPTS, transcribe


@pytest.mark.parametrize("name", sorted(TRANSCRIPTS))
def test_what_agents_read_and_earn_is_locked(name):
    assert transcribe(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def test_every_style_and_every_form_of_play_has_its_transcript():
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(TRANSCRIPTS)
    played = {name: make_game(game, **settings).settings() for name, (game, settings, _, _) in TRANSCRIPTS.items()}
    forms = {(name.partition("-")[0], s["style"], s["roles"], s["order"]) for name, s in played.items()}
    for style in ("full", "compact"):
        for order in ("simultaneous", "sequential"):
            assert {("code_test", style, "team", order), ("math_verify", style, "team", order)} <= forms
        for game, roles in (("code_test", "single"), ("math_verify", "single"), ("math_verify", "tool")):
            assert any(form[:3] == (game, style, roles) for form in forms)
