"""The rules of the house, as tests: import arrows, sizes, what must not be there, and that the papers agree."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("mas_envs", "trainers", "benchmarks")
LINES_PER_FILE = 320
LINES_OF_TRAINERS = 2_800  # of code
APART = {"memory.py", "policies/engine.py", "policies/vllm.py", "policies/vllm_server.py"}
"""Of trainers, not counted there: nothing of it is needed to understand or to run the algorithm."""
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def lines_of_code(path: Path) -> int:
    """Counts the lines that are no blank, comment or docstring."""
    documented: set[int] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            documented.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    text = path.read_text().splitlines()
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") for i, line in enumerate(text, 1) if i not in documented
    )


def calls(node: ast.AST, outside: str = "") -> Iterator[str]:
    """Yields the dotted name of everything that is called (np.random.seed, ...), but not in `with ...outside...:`."""
    if isinstance(node, ast.With) and outside and outside in ast.unparse(node.items[0]):
        return
    if isinstance(node, ast.Call):
        yield ast.unparse(node.func)
    for child in ast.iter_child_nodes(node):
        yield from calls(child, outside)


def tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text())


def run_python(code: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)


# ---- import arrows ----------------------------------------------------------------------------------------------
def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports; "
    return run_python(code + "sys.exit(lint_imports(no_cache=True))", folder)


@pytest.mark.needs("importlinter")
def test_import_arrows_point_one_way() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.needs("importlinter")
@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("mas_envs/core/seeding.py", "import mas_envs.grid.moves"),
        ("mas_envs/grid/cells.py", "import mas_envs.games.sokoban.rules"),
        ("mas_envs/games/plan_path/rules.py", "import mas_envs.games.sokoban.rules"),
        ("mas_envs/games/sokoban/rules.py", "import mas_envs.registry"),
        ("mas_envs/registry.py", "import mas_envs.agents"),
        ("mas_envs/agents/__init__.py", "import trainers"),
        ("mas_envs/agents/__init__.py", "import torch"),
        ("mas_envs/core/text.py", "import transformers"),
        ("trainers/rl/advantage.py", "import benchmarks"),
    ],
)
def test_import_linter_catches_an_arrow_that_points_back(tmp_path: Path, module: str, forbidden: str) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{forbidden}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    assert "BROKEN" in result.stdout


def test_every_module_of_mas_envs_has_its_layer() -> None:
    layers = PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {module for layer in layers for module in re.findall(r"mas_envs\.(\w+)", layer)}
    folders = {path.parent.name for path in (ROOT / "mas_envs").glob("*/__init__.py")}
    modules = {path.stem for path in (ROOT / "mas_envs").glob("[!_]*.py")}
    assert folders | modules <= named


def test_every_game_is_kept_from_importing_the_others() -> None:
    games = {f"mas_envs.games.{path.parent.name}" for path in (ROOT / "mas_envs/games").glob("*/game.py")}
    assert games == set(PYPROJECT["tool"]["importlinter"]["contracts"][2]["modules"])


def test_importing_all_of_mas_envs_loads_no_deep_learning_library() -> None:
    code = """
import importlib, pkgutil, sys, mas_envs
names = [module.name for module in pkgutil.walk_packages(mas_envs.__path__, "mas_envs.")]
assert len(names) > 10, names
for name in names:
    importlib.import_module(name)
print(sorted({"torch", "transformers", "vllm", "trainers"} & set(sys.modules)))
"""
    result = run_python(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


# ---- sizes --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", sources(*PACKAGES, "tests"), ids=lambda path: str(path.relative_to(ROOT)))
def test_file_is_short(path: Path) -> None:
    assert lines(path) <= LINES_PER_FILE


def test_trainers_stay_small() -> None:
    counted = [path for path in sources("trainers") if path.relative_to(ROOT / "trainers").as_posix() not in APART]
    assert sum(map(lines_of_code, counted)) <= LINES_OF_TRAINERS


# ---- what must not be there -----------------------------------------------------------------------------------------
def test_mas_envs_prints_nothing() -> None:
    assert [path for path in sources("mas_envs") if "print" in calls(tree(path))] == []


def test_nothing_seeds_or_draws_from_a_global_generator() -> None:
    numpy = r"(np|numpy)\.random\.(?!default_rng|Generator|SeedSequence|PCG64|get_state)\w+"
    draw = re.compile(rf"{numpy}|random\.(?!Random$|getstate$)\w+|torch\.(cuda\.)?manual_seed(_all)?")
    for path in sources(*PACKAGES):
        assert not any(map(draw.fullmatch, calls(tree(path), outside="fork_rng"))), path


def test_mas_envs_copies_nothing_deeply() -> None:
    assert [path for path in sources("mas_envs") if any(name.endswith("deepcopy") for name in calls(tree(path)))] == []


def test_no_file_is_a_grab_bag_and_no_class_a_manager() -> None:
    for path in sources(*PACKAGES):
        assert path.stem not in {"utils", "helpers", "misc", "common"}, path
        classes = [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
        assert not any(name.endswith("Manager") for name in classes), path


def test_nothing_is_left_to_do() -> None:
    mark = re.compile(r"#\s*(TODO|FIXME|XXX)\b")
    assert [path for path in sources(*PACKAGES, "tests") if mark.search(path.read_text())] == []


# ---- the papers agree -----------------------------------------------------------------------------------------------
def test_constraints_pin_everything_that_is_declared_except_vllm() -> None:
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text().replace("_", "-"), re.M))
    versions = {name.lower(): version for name, version in pinned.items()}
    extras = PYPROJECT["project"]["optional-dependencies"]
    wanted = [
        *PYPROJECT["project"]["dependencies"],
        *(r for e in ("train", "dev", "docs", "math", "hub", "rl") for r in extras[e]),
    ]
    for requirement in wanted:
        name = re.match(r"[\w-]+", requirement)[0].replace("_", "-")  # type: ignore[index]
        assert name in versions, f"constraints.txt does not pin {name}"
    assert "+" not in versions["torch"]


def test_core_dependencies_are_three() -> None:
    names = {re.split(r"[<>=!~ ]", line)[0] for line in PYPROJECT["project"]["dependencies"]}
    assert names == {"gymnasium", "numpy", "pettingzoo"}


def test_readme_and_ci_run_the_same_tests() -> None:
    command = "python -m pytest -n 2"
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci/run").read_text()
    assert f'pip install -c constraints.txt -e ".[train,dev]" && {command}\n' in readme
    assert re.search(rf"^{command}( |$)", ci, re.M)
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_changelog_has_this_version() -> None:
    assert f"\n## {PYPROJECT['project']['version']} " in (ROOT / "CHANGELOG.md").read_text()


def test_every_game_has_its_page_in_the_docs() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    for path in (ROOT / "mas_envs/games").glob("*/game.py"):
        page = f"environments/{path.parent.name}.md"
        assert page in navigation
        assert f"::: mas_envs.games.{path.parent.name}.game" in (ROOT / "docs" / page).read_text()


def code_blocks() -> list[object]:
    pages = [ROOT / "README.md", ROOT / "docs/quickstart.md"]
    return [
        pytest.param(code, id=f"{page.name}-{number}")
        for page in pages
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
    ]


@pytest.mark.parametrize("code", code_blocks())
def test_code_in_the_docs_runs(code: str, tmp_path: Path) -> None:
    result = run_python(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}", tmp_path)
    assert result.returncode == 0, result.stderr
