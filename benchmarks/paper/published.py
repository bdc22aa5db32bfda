"""What the paper reports (arXiv 2510.11062: tables 1 and 2, success in percent; table 3, the ablation).

Read in the README and in the page "Benchmark Results" of the authors' repository
(github.com/pettingllms-ai/PettingLLMs), which agree with each other. Names of rows are those of rows.py.
"""

MODELS = ("Qwen3-1.7B", "Qwen3-8B")
BENCHMARKS = {
    "sokoban": ("Sokoban 6x6",),
    "plan_path": ("Plan-Path 10x10",),
    "sudoku": ("Sudoku 4x4",),
    "code_test": ("LiveCodeBench", "APPS", "CodeContests"),
    "math_verify": ("AIME24", "AIME25", "OlympiadBench"),
}
_COLUMNS = (
    "Sudoku 4x4", "Sokoban 6x6", "Plan-Path 10x10", "LiveCodeBench", "APPS", "CodeContests", "AIME24", "AIME25",
    "OlympiadBench",
)  # fmt: skip
_TABLES = {
    "Qwen3-1.7B": {
        "single": (7.00, 0.00, 5.00, 11.60, 16.20, 3.60, 13.40, 9.80, 22.20),
        "single-grpo": (29.00, 3.00, 11.00, 18.80, 17.00, 3.00, 10.00, 6.70, 23.80),
        "team": (69.00, 0.00, 10.00, 19.00, 16.60, 3.60, 13.30, 13.00, 35.90),
        "team-atgrpo-shared": (99.00, 10.00, 96.00, 20.90, 17.60, 4.80, 16.70, 16.70, 39.60),
        "team-atgrpo-per-role": (99.00, 11.50, 97.00, 24.00, 18.60, 7.80, 13.30, 18.30, 35.20),
    },
    "Qwen3-8B": {
        "single": (48.00, 9.00, 12.00, 22.80, 30.20, 15.75, 18.30, 20.00, 55.00),
        "single-grpo": (54.00, 14.00, 47.00, 25.70, 37.00, 12.12, 18.30, 26.67, 54.80),
        "team": (72.00, 16.00, 71.00, 28.00, 44.40, 17.60, 36.60, 30.00, 56.50),
        "team-atgrpo-shared": (99.50, 96.00, 93.00, 30.28, 45.80, 18.10, 50.00, 35.20, 56.80),
        "team-atgrpo-per-role": (99.00, 98.00, 96.00, 33.10, 46.50, 18.10, 57.00, 40.00, 56.60),
    },
}
# Table 3, Plan-Path with Qwen3-1.7B. (It has 96 for one policy per role, where table 1 has 97.)
_ABLATION = {"alone": (11.0, 14.5), "alone-in-team": (16.0,), "team-atgrpo-per-role": (96.0,), "swapped": (6.0,)}


def success(game: str, row: str, model: str) -> tuple[float, ...]:
    """Returns what tables 1 and 2 have for a row, in percent, one number per benchmark of the game; () for none.

    The paper's team on boards is a tool user and a planner, so it stands beside both of our forms.
    """
    found = _TABLES[model].get(row.replace("tools", "team"), ())
    return tuple(found[_COLUMNS.index(name)] for name in BENCHMARKS[game]) if found else ()


def ablation(row: str) -> tuple[float, ...]:
    """Returns what table 3 has for a row, in percent: of "alone" the tool user's and the planner's; () for none."""
    return _ABLATION.get(row, ())
