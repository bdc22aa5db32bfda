"""Generated problems: graded, in one split each, with hidden tests that every mistake fails."""

from collections import Counter

import pytest

from mas_envs.core.errors import UsageError
from mas_envs.core.seeding import SPLITS, rng
from mas_envs.games.code_test import CodeTest
from mas_envs.games.code_test.families import FAMILIES, GRADES
from mas_envs.games.code_test.pieces import FILTERS, MAPS
from mas_envs.games.code_test.spec import Spec
from mas_envs.games.code_test.tasks import (
    HIDDEN,
    LIMITS,
    SAMPLES,
    behaviour,
    make_task,
    names_of,
    pool,
    read_numbers,
)
from mas_envs.games.code_test.words import number_words, vocabulary
from mas_envs.sandbox import RunProgram
from mas_envs.sandbox.shared import shared_sandbox

TASKS = [(grade, split, make_task(grade, "all", split, i)) for grade in GRADES for split in SPLITS for i in range(25)]


def test_there_are_at_least_twenty_families_in_four_grades_some_held_out_for_validation_and_some_for_test():
    real = {name: family for name, family in FAMILIES.items() if family.grade}
    assert len(real) >= 20 and {family.grade for family in real.values()} == set(GRADES) - {"medium"}
    for grade in GRADES:
        seen, validation, test = (set(names_of(grade, "held_out", split)) for split in SPLITS)
        assert seen and validation and test and not (seen & validation or seen & test or validation & test)


def test_held_out_families_are_in_no_training_task_and_alone_in_their_split():
    for split in ("validation", "test"):
        held_out = {make_task("any", "held_out", split, i).content.family for i in range(60)}
        for which in ("seen", "all", "held_out"):
            trained = {make_task("any", which, "train", i).content.family for i in range(60)}
            assert not trained & held_out
        assert held_out <= {make_task("any", "all", split, i).content.family for i in range(600)}
        assert not held_out & {make_task("any", "seen", split, i).content.family for i in range(60)}


def test_rules_that_come_to_the_same_are_in_one_split():
    for grade in GRADES:
        of_split = {split: set() for split in SPLITS}
        for split in SPLITS:
            of_split[split] = {behaviour(make_task(grade, "seen", split, i).content.spec) for i in range(150)}
        assert not of_split["train"] & (of_split["validation"] | of_split["test"])
        assert not of_split["validation"] & of_split["test"]
    assert behaviour(Spec("sum", 0, "times", 2)) != behaviour(Spec("sum"))
    assert behaviour(Spec("runs", 0, "plus", 3)) == behaviour(Spec("runs", 0, "negate"))


def test_hidden_inputs_of_one_split_are_in_no_other():
    lines = {split: {line for line in pool(split) if len(line) > 2} for split in SPLITS}
    assert not lines["train"] & lines["test"] and not lines["train"] & lines["validation"]


@pytest.mark.parametrize("grade", GRADES)
def test_every_problem_is_complete_and_every_wrong_program_fails_a_hidden_test(grade):
    for _, split, task in (each for each in TASKS if each[0] == grade):
        problem = task.content
        assert problem.difficulty == grade and task == make_task(grade, "all", split, int(task.ref.id.split("/")[1]))
        assert len(problem.samples) == SAMPLES and len(problem.hidden) == HIDDEN and len(problem.wrong) >= 3
        assert len({case.key for case in problem.hidden}) == HIDDEN
        assert not {case.key for case in problem.samples} & {case.key for case in problem.hidden}
        for case in (*problem.samples, *problem.hidden):
            numbers = read_numbers(case.input)
            assert numbers is not None and problem.spec.solve(numbers) == case.output
        for wrong in problem.wrong_specs:
            assert any(wrong.solve(read_numbers(case.input)) != case.output for case in problem.hidden)
        assert "{" not in problem.statement and problem.spec.phrase in problem.statement


def test_the_programs_of_the_rules_do_what_the_rules_say():
    """Every family, map and filter, run in the sandbox against this process's own answer."""
    draw = rng("test", "specs")
    specs = [Spec(name, k) for name, family in FAMILIES.items() for k in {family.constants[0], family.constants[-1]}]
    specs += [Spec("each", 0, name, piece.constants[-1]) for name, piece in MAPS.items()]
    specs += [Spec("sum", 0, "square", 0, name, piece.constants[-1]) for name, piece in FILTERS.items()]
    lines = [(), (0,), (3, 3, -2, 7, 7, 7, 1), tuple(draw.randint(-30, 30) for _ in range(12))]
    inputs = [" ".join(map(str, line)) or " " for line in lines]
    jobs = [RunProgram(spec.program, f"{text}\n", LIMITS) for spec in specs for text in inputs]
    ran = iter(shared_sandbox().run_many(jobs))
    for spec in specs:
        for line in lines:
            result = next(ran)
            assert result.stdout.split() == spec.solve(line).split(), (spec, line, result.stderr)


def test_answers_of_a_few_rules_are_those_worked_by_hand():
    assert Spec("sum", 0, "square", 0, "even").solve([1, 2, -4, 5]) == "20"
    assert Spec("kth_largest", 2).solve([3, 9, 9, 1]) == "9"
    assert Spec("frequent").solve([4, 2, 2, 4]) == "2"
    assert Spec("best_slice").solve([-5, 3, -1, 4, -9]) == "6"
    assert Spec("longest_rise").solve([1, 2, 2, 3, 4]) == "3"
    assert Spec("inversions").solve([3, 1, 2]) == "2"
    assert Spec("prefix", 0, "same", 0, "above", 1).solve([1, 2, 3]) == "2 5"
    assert Spec("steps").solve([4]) == "0"
    assert Spec("sum", 0, "square", 0, "even").phrase == "the sum of the squares of the even numbers"


def test_compact_prompts_and_answers_are_of_known_words_and_short():
    words = set(vocabulary())
    assert len(words) < 600
    for grade in GRADES:
        game = CodeTest(difficulty=grade, families="all", style="compact")
        longest = len(game.longest_answer().split())
        for _, _, task in (each for each in TASKS if each[0] == grade):
            state = game.initial(task)
            for agent in game.agents:
                prompt, answer = game.observe(state, agent).text.split(), game.expert(state, agent).split()
                assert set(prompt) | set(answer) <= words and len(prompt) < 60 and len(answer) <= longest
        assert longest <= {"easy": 45, "medium": 45, "hard": 65, "expert": 90}[grade]


def test_numbers_in_words_say_the_numbers():
    assert number_words("7 -99 100 -12345 6789", 9) == "7 -99 1 ~00 -1 ~23 ~45 67 ~89"
    assert number_words("1 2 3 4", 2) == "1 2 ..." and number_words(" ", 3) == "nothing"
    assert number_words("one 1.5 007", 3) == "<other> <other> 0 ~07"


@pytest.mark.parametrize(
    "text", ["", "1,2", "1 2\n3", "1.0", "1_0", "٣", "+3", "1001", "-1001", "99999", "1 " * 21, "1" * 9999]
)
def test_inputs_that_the_statement_does_not_allow_are_no_numbers(text):
    assert read_numbers(text) is None


def test_the_tasks_of_a_training_seed_are_varied():
    families = Counter(make_task("easy", "seen", "train", i).content.family for i in range(200))
    assert len(families) == 6 and max(families.values()) < 80


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"difficulty": "hardest"}, "Did you mean 'hard'"),
        ({"families": "new"}, "Allowed: seen, held_out, all"),
        ({"order": "random"}, "Allowed: simultaneous, sequential"),
        ({"turns": 0}, "turns is 0"),
        ({"source": "apps"}, "give 'file:PATH'"),
        ({"source": "file:x.jsonl", "style": "compact"}, "take style='full' with a source"),
        ({"source": "file:x.jsonl", "difficulty": "hard"}, "leave them out with a source"),
        ({"source": "file:no/such.jsonl"}, "cannot be read"),
    ],
)
def test_bad_settings_are_refused_with_what_is_allowed(settings, message):
    with pytest.raises(UsageError, match=message):
        CodeTest(**settings)
