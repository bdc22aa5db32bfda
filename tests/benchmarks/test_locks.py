"""Two processes never write into one folder, and a killed one keeps nobody out."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("tyro")

from benchmarks import locks
from benchmarks.locks import only_one
from mas_envs.core.errors import UsageError

ROOT = Path(__file__).parents[2]
HOLD = """
import os, sys, time
from pathlib import Path
from benchmarks.locks import only_one
with only_one(Path(sys.argv[1]), "--out"):
    if os.fork() == 0:  # a child that outlives its parent a little
        time.sleep(1)
        os._exit(0)
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_one_is_kept_out_and_nothing_stays_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    with only_one(tmp_path / "work", "--work"):
        with (
            pytest.raises(UsageError, match=r"Another process works in .*work.*another --work"),
            only_one(tmp_path / "work", "--work"),
        ):
            pass
        assert os.listdir(tmp_path / "work") == []
    with only_one(tmp_path / "work", "--work"):
        pass


def test_a_killed_process_keeps_nobody_out_nor_does_a_child_of_it(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    begun = time.monotonic()
    with only_one(tmp_path, "--out"):
        assert time.monotonic() - begun > 0.2, "the child was to hold it a little longer"
    holder.stdout.close()
