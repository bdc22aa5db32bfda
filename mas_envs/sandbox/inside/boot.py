"""Starts a zygote: run by path, as `python boot.py SETTINGS`, so that `mas_envs` is not imported."""

import os
import sys

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.dirname(here))
    # Modules such as threading and random want to repair themselves in a forked child, for the sake of other threads
    # or of randomness. A zygote has one thread, and programs begin from one seed; the repair would cost a tenth of a
    # tiny program's time.
    register = os.register_at_fork
    os.register_at_fork = lambda **_: None
    from inside import preload, zygote

    sys.path.pop(0)
    preload.standard()
    os.register_at_fork = register
    zygote.main()
