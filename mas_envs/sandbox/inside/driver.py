"""A program for the box that calls another program's functions, or checks what such calls returned.

The text of this file is run as the program; what it shall do comes on stdin, as JSON. As "caller" it runs a model's
program and prints what its function returns, call by call. As "checker" it runs tests, which know the right answers, in
a process that no line of the model's program ever enters: there the function is a stand-in that replays the caller's
answers and notes the calls that have none yet. Values cross as JSON with tags for what JSON lacks.
"""

import ast
import json
import os
import sys
import types
from typing import Any

_LARGE = 1 << 64
_DEPTH = 100


class Opaque:
    """Stands for a returned value that is no plain data: nothing can be said of it, so every comparison fails."""

    def __init__(self, kind: str):
        self.kind = kind

    def _refuse(self, *_: object) -> Any:
        raise TypeError(f"the function returned a {self.kind}, which is no plain value")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __len__ = __iter__ = __contains__ = _refuse
    __hash__ = None  # type: ignore[assignment]


def encode(value: Any, depth: int = 0) -> Any:
    """Returns a value as what JSON can hold; subclasses of plain types become those, all else its type's name."""
    if depth > _DEPTH:
        return {"opaque": "value nested too deeply"}
    if value is None or isinstance(value, (bool, str)):
        return value if value is None or isinstance(value, bool) else str(value)
    if isinstance(value, int):
        return int(value) if -_LARGE < value < _LARGE else {"int": hex(value)}
    if isinstance(value, float):
        return float(value) if value - value == 0 else {"float": repr(float(value))}
    if isinstance(value, complex):
        return {"complex": [encode(value.real), encode(value.imag)]}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, list):
        return [encode(each, depth + 1) for each in value]
    for kind, name in ((tuple, "tuple"), (set, "set"), (frozenset, "frozenset")):
        if isinstance(value, kind):
            return {name: [encode(each, depth + 1) for each in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(key, depth + 1), encode(each, depth + 1)] for key, each in value.items()]}
    if getattr(value, "shape", None) == () and hasattr(value, "item"):  # a number of numpy
        return encode(value.item(), depth + 1)
    return {"opaque": type(value).__name__}


def _encoded(keywords: dict[str, Any]) -> dict[str, Any]:
    return {name: encode(each) for name, each in keywords.items()}


def decode(data: Any) -> Any:
    """Returns the value that `encode` was given."""
    if isinstance(data, list):
        return [decode(each) for each in data]
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    if kind == "dict":
        return {decode(key): decode(each) for key, each in content}
    if kind in ("tuple", "set", "frozenset"):
        return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](map(decode, content))
    if kind == "complex":
        return complex(*map(decode, content))
    simple = {"int": lambda text: int(text, 16), "float": float, "bytes": bytes.fromhex, "opaque": Opaque}
    return simple[kind](content)


# ---- the caller -----------------------------------------------------------------------------------------------------
def call(request: dict[str, Any]) -> None:
    """Runs request["program"] and answers its calls, one line of JSON each: {"value"} or {"error"}."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the program prints is not an answer
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    exec(compile(request["program"], "solution.py", "exec", dont_inherit=True), module.__dict__)
    function = find(module, request["function"])
    for made in request["calls"]:
        try:
            answer = {"value": encode(make(made, function, module, request["setup"]))}
        except BaseException as error:  # noqa: BLE001  whatever a model's function raises is its answer
            answer = {"error": f"{type(error).__name__}: {error!s:.300}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def make(made: Any, function: Any, module: types.ModuleType, setup: str) -> Any:
    """Makes a call and returns its value; one that is source text has the program's own objects among its arguments."""
    if isinstance(made, str):
        space = dict(module.__dict__)
        exec(compile(setup, "setup.py", "exec", dont_inherit=True), space)
        return eval(made, space | {"call__": lambda *arguments, **keywords: function(*arguments, **keywords)})
    arguments, keywords = made
    return function(*map(decode, arguments), **{name: decode(each) for name, each in keywords.items()})


def find(module: types.ModuleType, name: str) -> Any:
    """Returns what a dotted name stands for; a class on the way, as in Solution.solve, is made an object."""
    found: Any = module
    for part in name.split("."):
        found = getattr(found() if isinstance(found, type) else found, part)
    return found


# ---- the checker ----------------------------------------------------------------------------------------------------
class StandIn:
    """Takes the function's place: answers calls in their order and notes all of them."""

    def __init__(self, answers: list[Any]):
        self.answers, self.waiting, self.raised = answers, False, False
        self.calls: list[Any] = []

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.answer([list(map(encode, arguments)), _encoded(keywords)])

    def written(self, evaluate: Any, source: str) -> Any:
        """Answers a call in a test's own text, which goes over as it stands where its arguments are no plain values."""
        try:
            made = evaluate(lambda *arguments, **keywords: [list(map(encode, arguments)), _encoded(keywords)])
        except NameError:  # something of the program's own
            return self.answer(source)
        return self.answer(source if '{"opaque": ' in json.dumps(made) else made)

    def answer(self, made: Any) -> Any:
        number = len(self.calls)
        self.calls.append(made)
        if number >= len(self.answers) or self.answers[number][0] != made:
            self.waiting = True
            return Opaque("value that is not known yet")
        try:
            answer = json.loads(self.answers[number][1])
            if "value" in answer:
                return decode(answer["value"])
            error = str(answer["error"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            error = "it gave no answer"  # the program can write anything there
        self.raised = True
        raise RuntimeError(error)


class Rewriter(ast.NodeTransformer):
    """Lets tests go on after a failed assertion, so that one run finds all calls; hands calls over with their text."""

    def __init__(self, names: set[str]):
        self.names = names

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        guarded: Any = ast.parse("try:\n    pass\nexcept Exception as error:\n    failed__(error)").body[0]
        guarded.body = [node]
        return ast.copy_location(guarded, node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Name) or node.func.id not in self.names:
            return node
        call = ast.Call(ast.Name("call__", ast.Load()), node.args, node.keywords)
        written: Any = ast.parse("candidate.written(lambda call__: 0, '')", mode="eval").body
        written.args[0].body = call
        written.args[1] = ast.Constant(ast.unparse(call))
        return ast.copy_location(written, node)


def prepare(setup: str, space: dict[str, Any]) -> None:
    """Runs the tests' setup, without what needs classes of the program: the calls that use it run over there."""
    for statement in ast.parse(setup).body:
        try:
            exec(compile(ast.Module([statement], []), "setup.py", "exec", dont_inherit=True), space)
        except NameError:
            continue


def check(request: dict[str, Any]) -> None:
    """Runs request["tests"] against request["answers"]; prints the calls they made and how each test came out.

    An outcome is "" for a test that passed, else what failed first.
    """
    verdicts = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    stand_in = StandIn(request["answers"])
    outcomes: list[str] = []
    failures: list[Exception] = []
    space: dict[str, Any] = {"__name__": "tests"}
    prepare(request["setup"], space)
    name = request["function"].partition(".")[0]
    space["failed__"] = failures.append
    space[name] = space["candidate"] = stand_in
    for test in request["tests"]:
        failures.clear()
        try:
            tree = ast.fix_missing_locations(Rewriter({name, "candidate"}).visit(ast.parse(test)))
            exec(compile(tree, "tests.py", "exec", dont_inherit=True), space)
        except Exception as error:  # noqa: BLE001  a test may fail in any way
            failures.append(error)
        outcomes.append(f"{type(failures[0]).__name__}: {failures[0]!s:.300}" if failures else "")
    report = {"calls": stand_in.calls, "outcomes": outcomes, "waiting": stand_in.waiting, "raised": stand_in.raised}
    verdicts.write(json.dumps(report))
    verdicts.flush()


if __name__ == "__main__":
    order = json.loads(sys.stdin.buffer.read())
    {"caller": call, "checker": check}[order.pop("role")](order)
