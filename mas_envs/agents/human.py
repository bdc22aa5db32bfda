"""A person at a terminal as an agent."""

import sys
from collections.abc import Sequence
from typing import TextIO

from mas_envs.agents.base import Completion, Request
from mas_envs.core.errors import MasEnvsError
from mas_envs.core.game import AgentID

_FENCE = "```"


class EndOfInputError(MasEnvsError, EOFError):
    """The person ended the input (Ctrl-D) instead of answering."""


class HumanAgent:
    """Shows each prompt and reads what the person answers.

    An answer is one line. Where the game's answers have several (programs), it ends with an empty line, or with the
    end of the input; empty lines inside a ``` block belong to it.

    Args:
        read, write: streams; the terminal's by default.

    `act` raises EndOfInputError where the input ends before an answer begins; Ctrl-C stays KeyboardInterrupt.
    """

    def __init__(self, read: TextIO | None = None, write: TextIO | None = None):
        self._in, self._out = read or sys.stdin, write or sys.stdout
        self._told: dict[AgentID, str] = {}

    def act(self, requests: Sequence[Request]) -> list[Completion]:
        """Asks for every answer of a batch, one after the other."""
        return [Completion(self._ask(request), stop_reason="end") for request in requests]

    def _ask(self, request: Request) -> str:
        agent, prompt = request.agent, request.prompt
        # The standing instructions are shown once, until they change.
        instructions = prompt.instructions if self._told.get(agent) != prompt.instructions else ""
        self._told[agent] = prompt.instructions
        several = "\n" in request.game.longest_answer()
        how = "end with an empty line" if several else "one line"
        self._say(f"\n---- {agent}, task {request.task.id} ----\n")
        self._say("".join(f"{part}\n\n" for part in (instructions, prompt.situation) if part))
        self._say(f"{agent}, your answer ({how}): " + "\n" * several)
        return self._lines() if several else self._line()

    def _read(self) -> str:
        while True:
            try:
                return self._in.readline()
            except UnicodeDecodeError as error:
                self._say(f"\n(That was no text in {error.encoding}; please type it again.)\n")

    def _line(self) -> str:
        line = self._read()
        if not line:
            raise EndOfInputError("The input ended where an answer was expected.")
        return line.rstrip("\r\n")

    def _lines(self) -> str:
        lines: list[str] = []
        fenced = False
        while True:
            line = self._read()
            if not line and not lines:
                raise EndOfInputError("The input ended where an answer was expected.")
            line, ended = line.rstrip("\r\n"), not line
            if ended or (lines and not line.strip() and not fenced):
                return "\n".join(lines)
            fenced ^= line.strip().startswith(_FENCE) and line.count(_FENCE) % 2 == 1
            if lines or line.strip():
                lines.append(line)

    def _say(self, text: str) -> None:
        # What other agents wrote is shown, too; no escape sequence of theirs reaches the terminal.
        self._out.write("".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text))
        self._out.flush()
