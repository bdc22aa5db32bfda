"""The tool user of a board game: its program reads the board from standard input and prints moves.

The program runs in the sandbox. What it does of its own (it fails, loops, prints nothing or without end) is an
outcome; a sandbox that was lost is a failed `Result`. One that ends without an error has printed a list of moves if
its output can be read as an agent's own answer can: what counts is the last list.

In the compact style a reply is a program in words with spaces between, and has no blocks. `;0`, `;1`, `;2` ... begin a
new line that is so many levels deep: `for c in "UD" : ;1 print ( c )`.
"""

import re
from collections.abc import Sequence
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from mas_envs.core.errors import UsageError
from mas_envs.core.game import Effect, Result
from mas_envs.core.text import clip_action, last_fenced, without_thinking
from mas_envs.grid.state import Run

# The sandbox is imported where a program has to run: boards can be played where it cannot (it needs a Unix).
if TYPE_CHECKING:
    from mas_envs.sandbox import RunProgram, Sandbox

TOOL = "tool_0"
NO_PROGRAM = "no_program"
SECONDS = {"compact": 0.5, "full": 4.0}
"""Processor time for a program where nobody says otherwise. A small policy writes hundreds of programs a second."""
OUTPUT_KB = 16
"""KiB that a program may print."""
KEPT = 1_000
"""Characters that are kept of what a program printed that did not end well, and of its error."""
SHOWN = 4_000
"""Characters of a program and of its output that the full style shows; of a longer text the middle is left out."""
SHOWN_WORDS = 40
"""Words of a program that the compact style shows, its first ones."""
OTHER = "~"
"""Stands in compact prompts for words that the vocabulary has not, and for what is left out."""
EXAMPLES = 40
"""Programs that print moves among the example actions, at most."""
INDENT = 4
"""Spaces of a level in a program that was read from words."""
_ENDS = {"ok": "ok", "time_limit": "slow", NO_PROGRAM: "nothing"}
"""How a run ended, as a compact word; "error" for the others."""
MARKS = ("tool", "program", OTHER, '"', "error", *_ENDS.values(), *(f";{depth}" for depth in range(8)))
"""Words of compact prompts and programs that every game has."""

_FENCE = re.compile("`{3,}")
_PYTHON = re.compile(r"[ \t]*(?:python|py)3?[ \t]*\r?\n", re.IGNORECASE)
_LINE_WORD = re.compile(r" ?(?<!\S);([0-9])(?!\S) ?")
_TOKENS = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|\d+\.\d+|\w+|//|\*\*|[-+*/%<>=!|&^]=|\S")


# ---- settings -------------------------------------------------------------------------------------------------------
def seconds_for(given: Any, style: str, roles: str, action_type: str) -> float | None:
    """Returns the seconds that a program may take, None where nobody writes any; raises UsageError for settings that
    do not go together."""
    if roles != "tool-planner":
        if given is not None:
            raise UsageError(f"seconds is what a program may take, which roles={roles!r} has none of; leave it out.")
        return None
    if action_type != "text":
        raise UsageError(
            "With roles='tool-planner' an action is a program, which no number stands for. Take action_type='text', or "
            "roles='team' or 'single'."
        )
    if given is None:
        return SECONDS[style]
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0.05 <= given <= 600:
        raise UsageError(f"seconds is {given!r}; it must be a number from 0.05 to 600.")
    return float(given)


# ---- running --------------------------------------------------------------------------------------------------------
def wish(program: str, board: str, seconds: float | None) -> "RunProgram":
    """Returns the wish to have a program run on a board, for so many seconds."""
    from mas_envs.sandbox import Limits, RunProgram

    return RunProgram(program, board, Limits(cpu_s=seconds or SECONDS["full"], memory_mb=512, output_kb=OUTPUT_KB))


class ProgramRunner:
    """Carries out `RunProgram`, all in one batch; values are JSON: "verdict", "detail", "stdout", and "error", the last
    line of stderr.

    Args:
        sandbox: by default the one that this process shares, started when the first program has to run. (Without one
            of its own a runner can be pickled and copied.)
    """

    def __init__(self, sandbox: "Sandbox | None" = None):
        self._sandbox = sandbox

    def __call__(self, effects: Sequence[Effect]) -> list[Result]:
        from mas_envs.sandbox import RunProgram, Verdict
        from mas_envs.sandbox.shared import shared_sandbox

        programs = [effect for effect in effects if isinstance(effect, RunProgram)]
        if len(programs) < len(effects):
            raise UsageError(
                f"A tool user wishes for RunProgram alone, not {[type(each).__name__ for each in effects]}."
            )
        results: list[Result] = []
        for ran in (self._sandbox or shared_sandbox()).run_many(programs):
            well = ran.verdict is Verdict.OK
            value = {
                "verdict": ran.verdict.value,
                "detail": ran.detail,
                "stdout": ran.stdout if well else ran.stdout[:KEPT],
                "error": "" if well else ran.stderr.strip().rpartition("\n")[2][:KEPT],
            }
            lost = ran.verdict is Verdict.INFRASTRUCTURE
            results.append(Result(failed=True) if lost else Result(value))
        return results


def run_of(program: str, results: Sequence[Result], compact: bool) -> Run:
    """Returns what came of a program, "" for a reply that held none.

    Raises UsageError unless there is a result for it, and for nothing else.
    """
    if len(results) != bool(program):
        raise UsageError(
            f"step() got {len(results)} results where effects() names {int(bool(program))}; carry them out first "
            "(mas_envs.effects.run_effects), or step with mas_envs.vector.step_all."
        )
    if not program:
        how = "write one" if compact else "write it in one block of ```python"
        return Run("", NO_PROGRAM, "", f"The reply holds no program; {how}.")
    value: Any = results[0].value
    verdict, fault = value["verdict"], ""
    if verdict == "runtime_error":
        fault = f"The program failed: {value['error'] or value['detail']}."
    elif verdict != "ok":
        fault = f"The program was stopped: it {value['detail']}."
    return Run(program, verdict, value["stdout"], fault)


def fault_name(run: Run | None) -> str:
    """Returns under which name it is counted that no moves could be read: of an answer, or of a program."""
    if run is None or run.verdict == NO_PROGRAM:
        return "format"
    return "list" if run.verdict == "ok" else "runs"


# ---- reading and writing programs -----------------------------------------------------------------------------------
def program_of(reply: str, compact: bool) -> str:
    """Returns the program in a reply, or "" where there is none; never raises.

    It is the last block between ``` whose first line says python; without one the last block of any kind. What all
    lines of a block are indented by (as in a list) is taken off. In the compact style it is the reply itself where
    there are no blocks.
    """
    text = without_thinking(clip_action(reply)[0])
    tagged = [block for block in _FENCE.split(text)[1:-1:2] if _PYTHON.match(block)]
    fenced = _PYTHON.sub("", tagged[-1], count=1) if tagged else last_fenced(text)
    found = from_words(text) if fenced is None and compact else dedent(fenced or "")
    return found.strip("\r\n") if found.strip() else ""


def from_words(text: str) -> str:
    """Returns the program that compact words say; other text as it is."""
    return _LINE_WORD.sub(lambda match: "\n" + " " * (INDENT * int(match[1])), text)


def to_words(program: str) -> str:
    """Returns a program in compact words, which `from_words` reads as the same program."""
    words: list[str] = []
    for number, line in enumerate(program.strip("\r\n").split("\n")):
        depth = min(9, (len(line) - len(line.lstrip(" "))) // INDENT)
        words += [f";{depth}"] * bool(number or depth) + _TOKENS.findall(line)
    return " ".join(words)


def answer(program: str, compact: bool) -> str:
    """Returns a program in the form that the style asks for."""
    return to_words(program) if compact else fenced(program.strip("\n"), "python")


def examples(moves: Sequence[str], program: str, compact: bool) -> list[str]:
    """Returns example replies: a program that works the moves out, and programs that print some of these."""
    printing = [f'print("{move}")' for move in moves[:: 1 + len(moves) // EXAMPLES]]
    return [answer(text, compact) for text in (program, *printing)]


def fenced(text: str, tag: str = "") -> str:
    """Returns a text as a fenced block, whatever is in it."""
    marks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{marks}{tag}\n{text}\n{marks}"


# ---- what is read of a run ------------------------------------------------------------------------------------------
def told(run: Run, who: str, why: bool = True) -> list[str]:
    """Returns what the full style says of a run: who ("You") wrote which program, what it printed, and, where `why`
    is asked for, what was wrong."""
    if run.verdict == NO_PROGRAM:
        return [f"{who} wrote no program. {run.fault}"]
    lines = [f"{who} wrote this program:", fenced(_clipped(run.program), "python")]
    if run.output.strip():
        lines += ["It printed:", fenced(_clipped(run.output.rstrip()))]
    return [*lines, run.fault] if run.fault and why else lines


def _clipped(text: str) -> str:
    if len(text) <= SHOWN:
        return text
    half = SHOWN // 2
    return f"{text[:half]}\n... ({len(text) - 2 * half} characters left out) ...\n{text[-half:]}"


def told_in_words(run: Run, known: frozenset[str]) -> str:
    """Returns what the compact style says of a run: the program's first words, and how it ended."""
    start = run.program[: 20 * SHOWN_WORDS]  # enough: a program can be very long
    words = to_words(start).split()
    shown = [word if word in known else OTHER for word in words[:SHOWN_WORDS]]
    left_out = [OTHER] * (len(words) > SHOWN_WORDS or start != run.program)
    return " ".join(["program", *shown, *left_out, _ENDS.get(run.verdict, "error")])
