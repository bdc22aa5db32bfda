"""The header of the main trainer says what it has to: every difference between its presets."""

import pytest

pytest.importorskip("torch")

from dataclasses import fields

from trainers import atgrpo
from trainers.run.config import ATGRPO
from trainers.run.reading import parse


def test_the_header_names_every_setting_in_which_the_presets_differ():
    tiny, paper = (parse(["--env", "sokoban", "--preset", preset], ATGRPO) for preset in ("tiny", "paper"))
    differ = [f.name for f in fields(ATGRPO) if getattr(tiny, f.name) != getattr(paper, f.name)]
    assert len(differ) > 8
    assert [name for name in differ if name not in atgrpo.__doc__ and name != "preset"] == []
