"""The forms in which collections of programming problems write a problem down, one JSON object each.

Known by their keys: `statement` + `hidden` (this project's own), `statement` + `tests` (archives of contests, tests
named sample/... or secret/...), `description` + `test_list` or `question` + `input_output` (APPS), `public_tests` +
`private_tests` (CodeContests), `question_content` + `private_test_cases` (LiveCodeBench), `prompt` +
`canonical_solution` (HumanEval), `text` + `test_list` (MBPP). In each, `accepted` and `wrong`, lists of programs, add
what is known to be right and wrong.
"""

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mas_envs.games.code_test.livecodebench import unpack
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.sandbox.jobs import Limits

Line = Mapping[str, Any]
_PYTHON3 = 3
"""CodeContests' number for the language."""
_TOLERANCE = re.compile(r"float_(?:absolute_|relative_)?tolerance\s+([0-9.eE+-]+)")
_DEFINED = re.compile(r"^(class|def)\s+(\w+)|^[ \t]+def\s+(?!__)(\w+)", re.M)
_SECONDS = (0.5, 60.0)
"""Of a time limit that a problem states, what is taken of it at least and at most."""


class FormatError(Exception):
    """A line is no problem in any known form."""


def name_of(data: Line) -> Any:
    """Returns what a line calls its problem, or None."""
    keys = ("task_id", "id", "problem_id", "question_id", "name")
    return next((data[key] for key in keys if data.get(key) not in (None, "")), None)


def read_problem(data: Line) -> Problem:
    """Returns the problem of a line; raises FormatError where it is none, or a value is of the wrong type."""
    for keys, read in _FORMS.items():
        if set(keys) <= data.keys():
            try:
                return _with_known(read(data), data)
            except (KeyError, TypeError, AttributeError, IndexError) as error:
                raise FormatError(f"a value of its form ({', '.join(keys)}) is not as expected: {error!r}") from error
    forms = "; ".join(" + ".join(keys) for keys in _FORMS)
    raise FormatError(f"its keys {', '.join(sorted(map(str, data)))} fit no known form ({forms})")


def _with_known(problem: Problem, data: Line) -> Problem:
    accepted, wrong = (_texts(data.get(key) or ()) for key in ("accepted", "wrong"))
    return replace(
        problem,
        accepted=tuple(dict.fromkeys((*problem.accepted, *accepted))),
        wrong=tuple(dict.fromkeys((*problem.wrong, *wrong))),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if isinstance(values, str):
        raise TypeError(f"{values!r:.60} is no list of texts")
    return tuple(_text(value) for value in values)


def _hidden(samples: Sequence[Case], tests: Sequence[Case]) -> tuple[Case, ...]:
    """Returns what a program is judged by: the samples, which it has to pass as well, and the tests, each once."""
    return tuple({case.key: case for case in (*samples, *tests)}.values())


# ---- programs that read stdin ---------------------------------------------------------------------------------------
def _own(data: Line) -> Problem:
    """`statement`, `samples` and `hidden` (pairs of input and output), and if need be `asserts`, `entry_point`, ..."""
    given: dict[str, Any] = {
        key: _text(data[key]) for key in ("kind", "entry_point", "starter", "setup", "difficulty") if key in data
    }
    if data.get("tolerance") is not None:
        given["tolerance"] = float(data["tolerance"])
    return Problem(
        statement=_text(data["statement"]),
        samples=tuple(Case(*_texts(case)) for case in data.get("samples", ())),
        hidden=tuple(Case(*_texts(case)) for case in data["hidden"]),
        asserts=_texts(data.get("asserts", ())),
        accepted=_texts(data.get("accepted") or ()),
        has_reference=data.get("has_reference") is True,
        **given,
    )


def _archive(data: Line) -> Problem:
    cases = [(_text(test["name"]), Case(_text(test["input"]), _text(test["output"]))) for test in data["tests"]]
    samples = tuple(case for name, case in cases if name.startswith("sample"))
    stated = _TOLERANCE.search(data.get("output_validator_flags") or "")
    return Problem(
        statement=_text(data["statement"]),
        samples=samples,
        hidden=_hidden(samples, [case for _, case in cases]),
        tolerance=float(stated[1]) if stated else None,
        limits=Limits(cpu_s=20.0),
    )


def _apps(data: Line) -> Problem:
    """APPS with lists of tests: `description`, `sample_io`, `test_list`, `starter_code`."""
    samples, tests = (
        [(_text(test["input"]), test["output"][0]) for test in data.get(key) or ()]
        for key in ("sample_io", "test_list")
    )
    starter = _text(data.get("starter_code") or "")
    facts: dict[str, Any] = {"statement": _text(data["description"]), "difficulty": _text(data.get("difficulty") or "")}
    if starter.strip():
        lines = [(_arguments(given.split("\n")), value) for given, value in tests]
        shown = tuple(Case(_arguments(given.split("\n")), repr(value)) for given, value in samples)
        return _function(facts, starter, "", lines, shown)
    sampled = tuple(Case(given, _text(value)) for given, value in samples)
    return Problem(samples=sampled, hidden=_hidden(sampled, [Case(i, _text(o)) for i, o in tests]), **facts)


def _apps_original(data: Line) -> Problem:
    """APPS as published: `question`, `input_output` and `solutions` (JSON in texts), `starter_code`."""
    tests = _unpacked(data["input_output"])
    solutions = _texts(_unpacked(data.get("solutions") or "[]"))
    starter = _text(data.get("starter_code") or "")
    facts: dict[str, Any] = {
        "statement": _text(data["question"]),
        "difficulty": _text(data.get("difficulty") or ""),
        "accepted": solutions,
        "has_reference": bool(solutions),
    }
    if tests.get("fn_name"):
        lines = [
            (", ".join(map(repr, given)), value[0] if isinstance(value, list) and len(value) == 1 else value)
            for given, value in zip(tests["inputs"], tests["outputs"], strict=True)
        ]
        return _function(facts, starter, _text(tests["fn_name"]), lines, ())
    joined = [
        ["\n".join(each) if isinstance(each, list) else each for each in tests[key]] for key in ("inputs", "outputs")
    ]
    return Problem(hidden=tuple(Case(_text(i), _text(o)) for i, o in zip(*joined, strict=True)), **facts)


def _contests(data: Line) -> Problem:
    def cases(key: str) -> list[Case]:
        tests = data.get(key) or {"input": [], "output": []}
        return [Case(_text(i), _text(o)) for i, o in zip(tests["input"], tests["output"], strict=True)]

    def programs(key: str) -> tuple[str, ...]:
        found = data.get(key) or {"language": [], "solution": []}
        pairs = zip(found["language"], found["solution"], strict=True)
        return tuple(_text(program) for language, program in pairs if language in (_PYTHON3, "PYTHON3"))

    samples = tuple(cases("public_tests"))
    limit = data.get("time_limit") or {}
    seconds = (limit.get("seconds") or 0) + (limit.get("nanos") or 0) / 1e9 if isinstance(limit, Mapping) else limit
    return Problem(
        statement=_text(data["description"]),
        samples=samples,
        hidden=_hidden(samples, [*cases("private_tests"), *cases("generated_tests")]),
        accepted=programs("solutions"),
        wrong=programs("incorrect_solutions"),
        limits=Limits(cpu_s=min(max(float(seconds) or 4.0, _SECONDS[0]), _SECONDS[1])),
    )


def _live(data: Line) -> Problem:
    """LiveCodeBench: tests in JSON, some of them packed, of a program or, where there is a `func_name`, of a method."""
    public, private = (unpack(_text(data[key])) for key in ("public_test_cases", "private_test_cases"))
    samples, tests = ([(_text(test["input"]), _text(test["output"])) for test in each] for each in (public, private))
    facts: dict[str, Any] = {
        "statement": _text(data["question_content"]),
        "difficulty": _text(data.get("difficulty") or ""),
    }
    starter, name = _text(data.get("starter_code") or ""), _unpacked(data.get("metadata") or "{}").get("func_name")
    if name or starter.strip():
        lines = [(_arguments(given.split("\n")), _json_or_text(value)) for given, value in (*samples, *tests)]
        shown = tuple(Case(given, repr(value)) for given, value in lines[: len(samples)])
        return _function(facts, starter, _text(name or ""), lines, shown)
    shown = tuple(Case(*each) for each in samples)
    return Problem(samples=shown, hidden=_hidden(shown, [Case(*each) for each in tests]), **facts)


# ---- functions ------------------------------------------------------------------------------------------------------
def _human_eval(data: Line) -> Problem:
    prompt, test = _text(data["prompt"]), _text(data["test"])
    setup, asserts = _taken_apart(test)
    return Problem(
        statement=f"Complete this function:\n\n{prompt.strip()}",
        kind="function",
        entry_point=_text(data["entry_point"]),
        starter=prompt.strip(),
        asserts=asserts,
        setup=f"{prompt}\n    pass\n{setup}",
        accepted=(prompt + _text(data["canonical_solution"]),),
        has_reference=True,
    )


def _taken_apart(test: str) -> tuple[str, tuple[str, ...]]:
    """Returns a test's setup and its assertions one by one; where `check` does more than assert, it is one test."""
    tree = ast.parse(test)
    checks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    body = checks[0].body if checks else []
    if len(checks) != 1 or not body or not all(isinstance(node, ast.Assert) for node in body):
        return "", (f"{test}\ncheck(candidate)",)
    rest = [node for node in tree.body if node is not checks[0]]
    asserts = tuple(map(ast.unparse, body))
    # Some collections end with `assert True`, which any program passes.
    return ast.unparse(ast.Module(rest, [])), tuple(each for each in asserts if "(" in each.split(",")[0]) or asserts


def _mbpp(data: Line) -> Problem:
    asserts = (*_texts(data["test_list"]), *_texts(data.get("challenge_test_list") or ()))
    code = _text(data["code"])
    name = _tested(asserts[0], re.findall(r"^(?:def|class)\s+(\w+)", code, re.M))
    return Problem(
        statement=f"{_text(data['text']).strip()}\n\nThe function is called like this: {asserts[0]}",
        samples=_as_case(asserts[0], name),
        kind="function",
        entry_point=name,
        asserts=asserts,
        setup=_text(data.get("test_setup_code") or ""),
        accepted=(code,),
        has_reference=True,
    )


def _as_case(test: str, name: str) -> tuple[Case, ...]:
    """Returns the case that an assertion `name(...) == ...` is, nothing where it is another one."""
    tree = ast.parse(test).body[0]
    compared = tree.test if isinstance(tree, ast.Assert) else None
    if not isinstance(compared, ast.Compare) or not isinstance(compared.ops[0], ast.Eq) or len(compared.ops) != 1:
        return ()
    call = compared.left
    if not isinstance(call, ast.Call) or ast.unparse(call.func) != name or call.keywords:
        return ()
    return (Case(", ".join(map(ast.unparse, call.args)), ast.unparse(compared.comparators[0])),)


def _tested(test: str, defined: Sequence[str]) -> str:
    """Returns which of the functions that are defined a test calls."""
    called = re.findall(r"(\w+)\s*\(", test)
    names = [name for name in called if name in defined]
    if not names:
        raise TypeError(f"its test {test!r:.80} calls none of the functions {', '.join(defined) or '(none)'}")
    return names[0]


def _function(
    facts: dict[str, Any], starter: str, name: str, tests: Sequence[tuple[str, Any]], samples: tuple[Case, ...]
) -> Problem:
    """Returns a problem about a function that is told by arguments (as source text) and values."""
    of_class, functions = "", list[str]()
    for kind, outer, method in _DEFINED.findall(starter):
        of_class = outer if kind == "class" else of_class
        functions += [outer] if kind == "def" else [f"{of_class}.{method}"] if method and of_class else []
    entry = next((each for each in functions if each.rpartition(".")[2] == (name or each.rpartition(".")[2])), name)
    called = entry if "." not in entry else "candidate"
    return Problem(
        samples=samples,
        kind="function",
        entry_point=entry,
        starter=starter,
        asserts=tuple(f"assert {called}({given}) == {value!r}" for given, value in tests),
        **facts,
    )


def _arguments(lines: Sequence[str]) -> str:
    """Returns arguments that stand one on a line, as source text: JSON where it is such, else the text itself."""
    return ", ".join(repr(_json_or_text(line)) for line in lines if line)


def _json_or_text(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


def _unpacked(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


_FORMS: dict[tuple[str, ...], Callable[[Line], Problem]] = {
    ("statement", "hidden"): _own,
    ("statement", "tests"): _archive,
    ("description", "test_list"): _apps,
    ("question", "input_output"): _apps_original,
    ("description", "private_tests"): _contests,
    ("question_content", "public_test_cases", "private_test_cases"): _live,
    ("prompt", "canonical_solution", "entry_point", "test"): _human_eval,
    ("text", "code", "test_list"): _mbpp,
}
