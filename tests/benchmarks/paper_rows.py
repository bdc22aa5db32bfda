"""Finished rows of the paper's table, made up, for the tests of what is read and shown of them."""

from trainers.run.scores import wilson


def row(game, name, seed, successes, n=400, code="abc", **more):
    low, high = wilson(successes, n)
    found = {"game": game, "row": name, "seed": seed, "scale": "tiny", "model": "tiny", "success": successes / n}
    found |= {
        "ci95": [low, high],
        "episodes": n,
        "masked": 0,
        "tasks": f"{game}/standard@1",
        "turns": 2.0,
        "invalid_actions": 0.1,
        "tokens": 5,
    }
    return found | {"work": "runs", "code": code, "versions": {"torch": "2"}, "commands": [], **more}


def table(*found):
    return {(one["game"], one["row"], one["seed"]): one for one in found}
