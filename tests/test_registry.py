import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import gymnasium
import pettingzoo
import pytest

import mas_envs
from mas_envs import registry
from mas_envs.core.errors import UnknownNameError, UsageError
from mas_envs.gymnasium_env import SingleEnv
from mas_envs.pettingzoo_env import OrderEnforced, TeamParallelEnv


def run_python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_both_games_are_registered():
    assert {"plan_path", "sokoban"} <= set(mas_envs.registered())


@pytest.mark.parametrize("name", mas_envs.registered())
def test_every_game_is_made_by_name_and_by_the_ids_of_both_libraries(name):
    entry = registry.registration(name)
    assert mas_envs.make_game(name).name == name
    assert isinstance(pettingzoo.make("aec", entry.pettingzoo_id), OrderEnforced)
    assert isinstance(pettingzoo.make("parallel", entry.pettingzoo_id), TeamParallelEnv)
    assert isinstance(gymnasium.make(entry.gymnasium_id).unwrapped, SingleEnv)


def test_ids_are_those_that_the_documentation_names():
    ids = {(entry.pettingzoo_id, entry.gymnasium_id) for entry in map(registry.registration, ("plan_path", "sokoban"))}
    assert ids == {
        ("mas_envs/plan_path-v0", "mas_envs/PlanPath-v0"),
        ("mas_envs/sokoban-v0", "mas_envs/Sokoban-v0"),
    }


def test_settings_reach_the_game_through_every_way_in():
    aec: Any = pettingzoo.make("aec", "mas_envs/plan_path-v0", size=5)
    parallel: Any = pettingzoo.make("parallel", "mas_envs/plan_path-v0", size=5)
    assert aec.unwrapped.game.size == parallel.game.size == 5
    single: Any = gymnasium.make("mas_envs/PlanPath-v0", size=5).unwrapped
    assert (single.game.size, single.game.turns, single.game.agents) == (5, 4, ("solver_0",))


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UnknownNameError) as caught:
        mas_envs.make_game("sokban")
    message = "Unknown env 'sokban'. Did you mean 'sokoban'? List them with mas_envs.registered()."
    assert str(caught.value) == message
    assert isinstance(caught.value, KeyError)


def test_an_unknown_setting_is_refused_with_what_is_allowed():
    with pytest.raises(
        UsageError, match=r"plan_path has no setting 'siz'. Did you mean 'size'\? It has: size: int = 10"
    ):
        mas_envs.make_game("plan_path", siz=3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "size is 0; it must be a whole number from"),
        ({"roles": "trio"}, "Unknown roles 'trio'. Allowed: team, single"),
        ({"style": "compct"}, "Unknown style 'compct'. Did you mean 'compact'"),
        ({"turns": 0}, "turns is 0; it must be"),
    ],
)
@pytest.mark.parametrize("name", ["plan_path", "sokoban"])
def test_a_bad_setting_is_refused_with_what_is_allowed(name, settings, message):
    with pytest.raises(UsageError) as caught:
        mas_envs.make_game(name, **settings)
    assert message in str(caught.value)


@pytest.fixture
def own_registry(monkeypatch):
    """A registry that forgets what the test registers. (PettingZoo's and Gymnasium's keep it; names are unique.)"""
    monkeypatch.setattr(registry, "_games", dict(registry._games))


@pytest.mark.usefixtures("own_registry")
def test_a_registered_game_is_known_everywhere_and_imported_only_when_made():
    registry.register("letters", "tests.fakes:Letters")
    assert mas_envs.make_game("letters", turns=5).turns == 5
    assert str(pettingzoo.make("aec", "mas_envs/letters-v0").unwrapped) == "letters_v0"
    single: Any = gymnasium.make("mas_envs/Letters-v0").unwrapped
    assert single.game.name == "letters"
    registry.register("nowhere", "no_such_module:Game")
    with pytest.raises(ImportError):
        mas_envs.make_game("nowhere")


@pytest.mark.usefixtures("own_registry")
def test_registering_the_same_twice_is_fine_and_a_taken_name_is_refused():
    registry.register("plan_path", "mas_envs.games.plan_path:PlanPath", alone={"roles": "single", "turns": 4})
    with pytest.raises(UsageError, match="'plan_path' is registered already"):
        registry.register("plan_path", "tests.fakes:Letters")


@pytest.mark.usefixtures("own_registry")
@pytest.mark.parametrize(
    ("name", "entry_point", "message"),
    [("Plan Path", "a:B", "is no name of a game"), ("plan", "a.B", "write it as 'package.module:Class'")],
)
def test_malformed_registrations_are_refused(name, entry_point, message):
    with pytest.raises(UsageError, match=message):
        registry.register(name, entry_point)


@pytest.mark.usefixtures("own_registry")
def test_what_is_no_game_and_another_version_are_refused():
    registry.register("not_a_game", "json:JSONDecoder")
    with pytest.raises(UsageError, match="is no subclass of"):
        mas_envs.make_game("not_a_game")
    registry.register("letters_later", "tests.fakes:Letters", version=3)
    with pytest.raises(UsageError, match="registered with version 3, its class has 0"):
        mas_envs.make_game("letters_later")


@pytest.mark.usefixtures("own_registry")
def test_installed_packages_announce_games_by_entry_point(monkeypatch):
    announced = [
        EntryPoint("plugin_letters", "tests.fakes:Letters", registry.GROUP),
        EntryPoint("Bad Name", "tests.fakes:Letters", registry.GROUP),
        EntryPoint("sokoban", "tests.fakes:Letters", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: announced if group == "mas_envs.games" else [])
    with pytest.warns(UserWarning) as warned:
        registry.register_all()
    assert "plugin_letters" in mas_envs.registered()
    assert pettingzoo.make("aec", "mas_envs/plugin_letters-v0").possible_agents == ["hinter_0", "teller_0"]
    texts = " ".join(str(one.message) for one in warned)
    assert "'Bad Name'" in texts and "'sokoban' is registered already" in texts
    assert registry.registration("sokoban").entry_point == "mas_envs.games.sokoban:Sokoban"


def test_playing_imports_no_deep_learning_library():
    program = """
import sys
from mas_envs import plan_path_v0, sokoban_v0
import mas_envs.agents, mas_envs.testing, gymnasium
for module in (sokoban_v0, plan_path_v0):
    env = module.env(style="compact")
    env.reset(seed=1)
    env.step("U")
gymnasium.make("mas_envs/Sokoban-v0").reset(seed=1)
print([name for name in ("torch", "transformers", "vllm", "matplotlib", "pygame", "PIL") if name in sys.modules])
"""
    assert run_python(program).strip() == "[]"


def test_importing_the_package_costs_less_than_half_a_second_more_than_pettingzoo():
    program = """
import time
import pettingzoo
start = time.perf_counter()
import mas_envs
print(time.perf_counter() - start)
"""
    assert min(float(run_python(program)) for _ in range(3)) < 0.5


def test_gymnasium_finds_the_games_without_an_import_by_module_prefix():
    program = "import gymnasium; print(gymnasium.make('mas_envs:mas_envs/Sokoban-v0').spec.id)"
    assert run_python(program).strip() == "mas_envs/Sokoban-v0"
