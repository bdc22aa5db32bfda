"""What coder and tester read: in natural language, for language models, and in few words, for small policies."""

from collections.abc import Iterator, Mapping, Sequence

from mas_envs.games.code_test.parse import LONGEST_CASE, MOST_CASES
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.games.code_test.rules import NO_VERDICT, CodeState, Round, Tried
from mas_envs.games.code_test.words import number_words, said_words

BUDGET = 6000
"""Characters that the history of cases that failed may have; older ones are left out first."""
FIELD = 400
"""Characters of an input or an output in the history; the middle of a longer one is left out."""
LONGEST_PROGRAM = 8000
"""Characters of the present program that are shown; the middle of a longer one is left out."""
_ENDINGS: Mapping[str, str] = {
    "runtime_error": "crashed",
    "time_limit": "took too long",
    "memory_limit": "needed too much memory",
    "output_limit": "printed too much",
}

_READS = {
    "stdin": "The program reads its input from stdin and prints its output to stdout.",
    "function": "The program defines the function that the problem asks for.",
}
_CODER = (
    "Write a Python 3 program that solves the problem below. {reads} Only the standard library and numpy are there. "
    "Answer with the whole program in one block that begins with ```python and ends with ```; if there are several "
    "blocks, the last one counts."
)
_CODER_OF_TEAM = (
    " A tester writes test cases for the problem{when}. Your program is run on them, and both of you read where it "
    "failed. What the tester expects may be wrong: decide by the statement. You have {turns} turns in all, and are "
    "done as soon as your program passes all the tester's cases of a turn. The program that stands at the end is "
    "judged by hidden tests."
)
_CODER_ALONE = (
    " It is run on the statement's examples, and you have {turns} turns in all; you are done as soon as it passes "
    "them. The program that stands at the end is judged by hidden tests."
)
_TESTER = (
    "A coder writes a Python 3 program for the problem below{when}; you write test cases that find its mistakes. "
    "Give at most {most} cases: an input that the problem allows, and the right output. Good cases are new (no "
    "examples of the statement, none given before) and fail programs that make typical mistakes: think of the edges "
    "of what is allowed. A case whose output is wrong is worth nothing and misleads the coder, so keep inputs short "
    "enough to be sure. Answer with blocks like these:\n\nInput:\n{input}\nOutput:\n{output}\n\n{form}"
)
_FORMS = {
    "stdin": "Input is what the program reads from stdin, Output what it should print.",
    "function": "Input is what stands between the brackets of the call, Output the value, both as Python literals.",
}
_EXAMPLES = {"stdin": ("3 4 5", "12"), "function": ("[3, 4], 5", "True")}
_WHEN = {
    "sequential": {"coder": ", having seen your program", "tester": ", which you see"},
    "simultaneous": {"coder": " at the same time", "tester": " at the same time"},
}


def instructions(role: str, kind: str, order: str, turns: int) -> str:
    """Returns a role's standing instructions, for problems of a kind. order: "" where a coder plays alone."""
    if role == "tester":
        given, right = _EXAMPLES[kind]
        how = {"most": MOST_CASES, "input": given, "output": right, "form": _FORMS[kind]}
        return _TESTER.format(when=_WHEN[order]["tester"], **how)
    team = _CODER_OF_TEAM.format(when=_WHEN[order]["coder"], turns=turns) if order else ""
    return _CODER.format(reads=_READS[kind]) + (team or _CODER_ALONE.format(turns=turns))


# ---- natural language -----------------------------------------------------------------------------------------------
def situation(state: CodeState, agent: str, turns: int) -> str:
    """Returns what an agent reads now, without its instructions."""
    problem = state.problem
    parts = [f"Problem:\n{problem.statement.strip()}"]
    if problem.starter:
        parts.append(f"Begin with this code:\n```python\n{problem.starter.rstrip()}\n```")
    if problem.samples:
        parts.append("\n".join(("Examples:", *(_case_lines(case) for case in problem.samples))))
    parts.append(f"Turn {min(state.turn + 1, turns)} of {turns}.")
    if state.program:
        parts.append(f"The program that stands:\n```python\n{clipped(state.program, LONGEST_PROGRAM)}\n```")
    parts += _own_error(state, agent)
    parts += history(state.rounds)
    return "\n\n".join(parts)


def _own_error(state: CodeState, agent: str) -> Iterator[str]:
    if state.rounds:
        last = state.rounds[-1]
        error = last.tester_error if agent.startswith("tester") else last.coder_error
        if error:
            yield f"Your last answer could not be used. {error}"


def history(rounds: Sequence[Round]) -> list[str]:
    """Returns what came of the cases of earlier turns: the latest turn's in full, of others those that failed.

    The newest come first, and as many as BUDGET has room for; of each the essential lines are there, cut in the
    middle where they are long.
    """
    parts, left, dropped = list[str](), BUDGET, 0
    for number in range(len(rounds), 0, -1):
        tried = rounds[number - 1].tried
        failed = [one for one in tried if not one.passed]
        head = (
            f"Turn {number}: the program passed {len(tried) - len(failed)} of {len(tried)} cases."
            if tried
            else (f"Turn {number}: there were no cases.")
        )
        lines = [head]
        for one in failed:
            text = _failure(one)
            if len(text) > left:
                dropped += 1
                continue
            left -= len(text)
            lines.append(text)
        parts.append("\n".join(lines))
    if dropped:
        parts.append(f"({dropped} more cases that failed are left out.)")
    return parts


def _failure(one: Tried) -> str:
    printed = f"program printed:\n{clipped(one.printed, FIELD) or '(nothing)'}"
    if one.verdict == NO_VERDICT:
        printed = "there was no program to run"
    elif one.verdict != "ok":
        error = f": {clipped(one.printed, FIELD)}" if one.printed else ""
        printed = f"program {_ENDINGS.get(one.verdict, one.verdict)}{error}"
    return f"Failed on\n{_case_lines(one.case, FIELD, 'Expected by the tester')}\nThe {printed}"


def _case_lines(case: Case, limit: int = LONGEST_CASE, output: str = "Output") -> str:
    return f"Input:\n{clipped(case.input, limit)}\n{output}:\n{clipped(case.output, limit)}"


def clipped(text: str, limit: int) -> str:
    """Returns a text of at most about `limit` characters, its middle left out where it is longer."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... ({len(text) - 2 * half} characters left out) ...\n{text[-half:]}"


# ---- few words ------------------------------------------------------------------------------------------------------
def compact(state: CodeState, agent: str) -> str:
    """Returns what an agent reads in the words of `words.vocabulary`: the statement, its samples; then the program
    that stands and the latest case that failed; then the role."""
    problem = state.problem
    words = [problem.words, *(_compact_case(case) for case in problem.samples)]
    if state.program:
        words.append(f"program {said_words(state.program)}")
    if state.rounds:
        words += _compact_round(state.rounds[-1])
    return " ".join((*words, agent.rpartition("_")[0]))


def _compact_round(last: Round) -> Iterator[str]:
    if last.coder_error:
        yield "no program"
    if last.tester_error:
        yield "no cases"
    for one in last.tried:
        if not one.passed:
            got = number_words(one.printed, 6) if one.verdict == "ok" else "crash"
            yield f"failed {_compact_case(one.case)} got {got}"
            return


def _compact_case(case: Case) -> str:
    return f"in {number_words(case.input, 6)} out {number_words(case.output, 6)}"


def answer_with_program(program: str, style: str) -> str:
    """Returns a program as a coder's answer."""
    return program if style == "compact" else f"```python\n{program}\n```"


def answer_with_cases(cases: Sequence[Case], style: str) -> str:
    """Returns cases as a tester's answer."""
    if style == "compact":
        return " ".join(_compact_case(case) for case in cases)
    return "\n\n".join(_case_lines(case) for case in cases)


def overview(problem: Problem) -> str:
    """Returns a problem's statement and samples, for a person."""
    return "\n".join([problem.statement.strip(), *(_case_lines(case) for case in problem.samples)])
