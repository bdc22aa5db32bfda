"""What each role reads."""

import re

from mas_envs.core.game import Prompt
from mas_envs.games.math_verify.parse import UNKNOWN, spaced
from mas_envs.games.math_verify.rules import NO_PROGRAM, REASONER, TOOL, MathState, Run

SHOWN = 4_000
"""Characters of a program, of its output and of an answer that the full style shows."""
_PROGRAM_WORDS, _OUTPUT_WORDS = 50, 16
_ENDS = {"ok": "output", "time_limit": "time", NO_PROGRAM: "nothing"}
"""How a run ended, as a compact word; "error" for the others."""

_FORM = "a number worked out exactly (a fraction such as 7/12, not a rounded decimal), an expression only if it is none"
_TOOL = (
    "You solve a mathematical problem by writing a Python program. The program prints the answer and nothing else, on "
    f"one line: {_FORM}. It reads no input, has {{seconds:g}} seconds, and may import the standard library and numpy. "
    "{partner} There {turns}.\nReply with the program in one block:\n```python\nprint(6 * 7)\n```"
)
_REASONER = (
    "You solve a mathematical problem. {partner} There {turns}.\n"
    f"Give your final answer in \\boxed{{{{}}}}: {_FORM}. Example: \\boxed{{{{42}}}}"
)
_AGREE = "The task ends when your answer and what the program printed are the same. Your answer alone is graded."
_ACCEPT = "\\boxed{output} stands for what the program printed."
_PARTNERS = {
    ("tool", "alone"): "What it prints is your answer: the first program that prints one answer ends the task.",
    ("tool", "sequential"): "Your partner, the reasoner, reads the program and what it printed, and gives the final "
    "answer. The task ends when that is what your program printed.",
    ("tool", "simultaneous"): "Your partner, the reasoner, answers at the same time; in the next turn each of you sees "
    "what the other did. The task ends when the answer is what your program printed.",
    ("reasoner", "alone"): "The first answer that you give ends the task.",
    ("reasoner", "sequential"): "Your partner, the tool user, has written a Python program; you read it and what it "
    f"printed. It may be wrong: judge whether it does what the problem asks. {_AGREE} Otherwise there is another turn, "
    f"if one is left. {_ACCEPT}",
    ("reasoner", "simultaneous"): "Your partner, the tool user, writes a Python program at the same time; in the next "
    f"turn each of you sees what the other did. {_AGREE} {_ACCEPT}",
}


def instructions(role: str, order: str, seconds: float, turns: int) -> str:
    """Returns a role's standing instructions; `order` is "sequential", "simultaneous" or "alone"."""
    text = _TOOL if role == "tool" else _REASONER
    left = "is 1 turn" if turns == 1 else f"are at most {turns} turns"
    return text.format(seconds=seconds, partner=_PARTNERS[role, order], turns=left)


def no_program(compact: bool) -> str:
    """Returns what to tell the author of a reply without a program."""
    if compact:
        return "The reply is empty; write a program."
    return "The reply holds no program; write it in one block of ```python."


def no_answer(compact: bool) -> str:
    """Returns what to tell the author of a reply without an answer."""
    form = "boxed 4 2" if compact else "\\boxed{42}"
    return f"The reply holds no answer; write it as in {form}."


# ---- full style -----------------------------------------------------------------------------------------------------
def full(state: MathState, agent: str, turns: int, standing: str) -> Prompt:
    """Returns what an agent reads in natural language."""
    lines = [f"Turn {min(state.turn + 1, turns)} of {turns}. The problem:", state.problem.question]
    if state.answer is not None:
        lines.append(f"Last turn {'you' if agent == REASONER else 'the reasoner'} answered: {_cut(state.answer)}")
    elif state.turn and agent == REASONER:
        lines.append("Your reply of last turn held no \\boxed{} with an answer.")
    if state.run is not None:
        when = "In this turn" if state.waiting else "Last turn"
        lines += _of_run(state.run, f"{when} {'you' if agent == TOOL else 'the tool user'} wrote")
    return Prompt("\n".join(lines), standing)


def _of_run(run: Run, who_wrote: str) -> list[str]:
    if run.verdict == NO_PROGRAM:
        return [f"{who_wrote} no program in a block of ```python."]
    lines = [f"{who_wrote} this program:", fenced(_cut(run.program), "python")]
    if run.output.strip():
        lines += ["It printed:", fenced(_cut(run.output.rstrip()))]
    return [*lines, run.fault] if run.fault else lines


def fenced(text: str, tag: str = "") -> str:
    """Returns a text as a fenced block, whatever is in it."""
    marks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{marks}{tag}\n{text}\n{marks}"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


# ---- compact style --------------------------------------------------------------------------------------------------
def compact(state: MathState, agent: str, known: frozenset[str]) -> Prompt:
    """Returns what an agent reads as words: the problem, what was answered last turn, the program, how it ended, what
    it printed, and the agent's role."""
    parts = [state.problem.words]
    if state.answer is not None:
        parts += ["boxed", _words(state.answer, _OUTPUT_WORDS, known)]
    if state.run is not None:
        parts += ["program", _words(state.run.program, _PROGRAM_WORDS, known), _ENDS.get(state.run.verdict, "error")]
        if state.run.verdict == "ok":
            parts.append(_words(state.run.output, _OUTPUT_WORDS, known))
    return Prompt(" ".join(filter(None, (*parts, agent[:-2]))))


def _words(text: str, limit: int, known: frozenset[str]) -> str:
    """Returns a text's first words, with UNKNOWN for those not known (all are where `known` is empty) and the rest."""
    words = spaced(text[: 20 * limit]).split()
    found = [word if word in known or not known else UNKNOWN for word in words[:limit]]
    return " ".join([*found, UNKNOWN] if len(words) > limit else found)
