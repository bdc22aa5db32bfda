"""A program that takes all the threads it may have takes none from the programs beside it."""

import os
import time

import pytest

from mas_envs.sandbox import Limits, RunProgram, Sandbox, Verdict

HOG = """
import threading, time
count = 0
try:
    while True:
        threading.Thread(target=time.sleep, args=(1.5,), daemon=True).start()
        count += 1
except RuntimeError:
    print(count, flush=True)
time.sleep(1.5)
"""
HONEST = """
import threading
found = []
threads = [threading.Thread(target=found.append, args=(i,)) for i in range(40)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(found))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="without bubblewrap, one user's programs share their count of threads")
@pytest.mark.parametrize("layers", [("seccomp", "landlock"), ("seccomp", "landlock", "bubblewrap")], ids=["2", "3"])
@pytest.mark.parametrize("apart", [False, True], ids=["beside it", "in another sandbox"])
def test_a_program_that_takes_all_its_threads_takes_none_from_others(layers, apart):
    limits = Limits(cpu_s=2, wall_s=4)
    with Sandbox(3, packages=(), layers=layers) as one, Sandbox(1, packages=(), layers=layers) as other:
        hogs = [one.submit(RunProgram(HOG, "", limits)) for _ in range(2)]
        time.sleep(0.6)
        result = (other if apart else one).run(HONEST, "", limits)
        assert (result.verdict, result.stdout) == (Verdict.OK, "40\n"), result.stderr[-300:]
        taken = [int(hog.result().stdout) for hog in hogs]
    assert all(limits.threads - 3 <= count < limits.threads for count in taken)
