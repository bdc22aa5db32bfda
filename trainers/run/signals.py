"""Ctrl-C and SIGTERM: finish what is under way, save, and end."""

import signal
import sys
from types import FrameType

from mas_envs.core.errors import MasEnvsError


class Stopped(MasEnvsError):  # noqa: N818 (it is no error)
    """The run ended early because it was asked to; its message says how to go on."""


class StopRequest:
    """Notes the first Ctrl-C or SIGTERM, for the run to end at its next safe point; a second one ends it at once.

    asked: the signal's number, 0 before. Where nothing is left to be saved, `at_once` holds what to say, and the
    first signal raises Stopped with it.
    """

    def __init__(self) -> None:
        self.asked: int = 0
        self.at_once = ""

    def install(self) -> None:
        """Takes over both signals."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    @staticmethod
    def ignore() -> None:
        """Lets both signals pass by, while the run cleans up."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = number
        if self.at_once:
            raise Stopped(self.at_once)
        print("\nStopping after this step; once more to stop at once.", file=sys.stderr, flush=True)  # noqa: T201
