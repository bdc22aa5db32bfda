"""`python -m mas_envs.grading GOLD ANSWER`: prints the verdict and which rule gave it.

Exit code 0: correct; 1: any other verdict; 2: the command line is wrong.
"""

import argparse
import sys

from mas_envs.grading.answers import final_answer
from mas_envs.grading.latex import clean
from mas_envs.grading.math import Verdict, by_rules, grade


def main() -> int:
    """Prints the explained verdict of two command-line arguments; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mas_envs.grading", description="Grades a mathematical answer.")
    parser.add_argument("gold", help="the reference")
    parser.add_argument("answer", help="what is graded: a final answer, or a text that states one")
    parser.add_argument("--tolerance", type=float, default=0.0, help="absolute error allowed in a number (default: 0)")
    arguments = parser.parse_args()
    rules = isinstance(by_rules(arguments.gold, arguments.answer, arguments.tolerance), Verdict)
    verdict = grade(arguments.gold, arguments.answer, arguments.tolerance)
    lines = [
        f"verdict: {verdict.verdict}",
        f"why:     {verdict.why}",
        f"by:      {'exact rules' if rules else 'math-verify, in a worker'}",
        f"gold:    {clean(final_answer(arguments.gold))}",
        f"answer:  {clean(final_answer(arguments.answer))}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if verdict.correct else 1


if __name__ == "__main__":
    sys.exit(main())
