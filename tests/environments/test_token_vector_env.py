"""The vector environment against Gymnasium's own `SyncVectorEnv` of environments of one sequence."""

import conditional
import gymnasium
import numpy as np
import pytest
import tiny
import tiny_runs
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.environments import ENVIRONMENT_ID, TokenEnv, TokenVectorEnv

NUM = 3
REWARDS = ("terminal", "rollout", "oracle")
GAN, CONDITIONAL, ORACLE = tiny.make(), conditional.make(), sg.Oracle(tiny.V, 3, 4, seed=2)
TASKS = {
    **{name: {"gan": GAN, "reward": name, "oracle": ORACLE, "num_rollouts": 2} for name in REWARDS},
    "conditions": {"gan": CONDITIONAL, "conditions": conditional.SOURCES, "reward": "rollout", "num_rollouts": 2},
}


def assert_same_observations(found, expected):
    assert sorted(found) == sorted(expected)
    for name in found:
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].dtype == expected[name].dtype


def assert_same_step(found, expected):
    """Steps without their infos."""
    assert_same_observations(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)
    for one, other in zip((found[1], *found[2:4]), (expected[1], *expected[2:4]), strict=True):
        assert one.dtype == other.dtype
    np.testing.assert_array_equal(found[2], expected[2])
    np.testing.assert_array_equal(found[3], expected[3])


def pair(mode, task):
    """The vector environment, and Gymnasium's of as many environments."""
    singles = SyncVectorEnv([lambda: TokenEnv(**TASKS[task])] * NUM, autoreset_mode=mode)
    return TokenVectorEnv(NUM, autoreset_mode=mode, **TASKS[task]), singles


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_each_row_is_an_environment_of_one_sequence(mode, task):
    envs, singles = pair(mode, task)
    assert envs.observation_space == singles.observation_space
    assert envs.action_space == singles.action_space
    assert envs.metadata["autoreset_mode"] == mode
    assert_same_observations(envs.reset(seed=5)[0], singles.reset(seed=5)[0])
    draw, ends = np.random.default_rng(1), 0
    for _ in range(14):
        actions = draw.integers(0, tiny.V, NUM)
        found, expected = envs.step(actions), singles.step(actions)
        assert_same_step(found, expected)
        assert found[0] in envs.observation_space
        ends += found[2].sum()
        assert sorted(found[4]) == sorted(expected[4])
        if "final_obs" in expected[4]:
            np.testing.assert_array_equal(found[4]["_final_obs"], expected[4]["_final_obs"])
            for row in np.flatnonzero(found[2]):
                assert_same_observations(
                    {name: np.asarray(part) for name, part in found[4]["final_obs"][row].items()},
                    {name: np.asarray(part) for name, part in expected[4]["final_obs"][row].items()},
                )
    assert ends > NUM
    assert_same_observations(envs.reset(seed=[8, 2, 5])[0], singles.reset(seed=[8, 2, 5])[0])


def test_with_the_next_step_an_episode_begins_and_the_action_is_not_read():
    envs = TokenVectorEnv(NUM, gan=GAN)
    envs.reset(seed=1)
    observations, rewards, terminated, *_ = envs.step([3, 0, 2])
    assert terminated.tolist() == [False, True, False]
    assert observations["token_ids"][1].tolist() == [0, -1, -1, -1]
    assert rewards[1] != 0
    observations, rewards, terminated, _, infos = envs.step([3, 999, 2])
    assert observations["length"].tolist() == [2, 0, 2]
    assert observations["token_ids"][1].tolist() == [-1] * 4
    assert rewards[1] == 0
    assert not terminated.any()
    assert infos == {}
    assert envs.step([3, 1, 2])[0]["length"].tolist() == [3, 1, 3]


def test_with_the_same_step_an_episode_begins_and_the_last_observation_is_in_the_info():
    envs = TokenVectorEnv(NUM, "SameStep", gan=GAN)
    envs.reset(seed=1)
    observations, rewards, terminated, _, infos = envs.step([3, 0, 2])
    assert terminated.tolist() == [False, True, False]
    assert observations["length"].tolist() == [1, 0, 1]
    assert rewards[1] == pytest.approx(float(GAN.discriminator(np.array([[0, -1, -1, -1]]))[0]), abs=1e-6)
    assert infos["_final_obs"].tolist() == [False, True, False]
    assert infos["final_obs"][1]["token_ids"].tolist() == [0, -1, -1, -1]
    assert infos["final_obs"][0] is None


def test_without_resets_the_user_resets_the_rows_that_have_ended():
    envs = TokenVectorEnv(NUM, "Disabled", gan=GAN)
    envs.reset(seed=1)
    _, _, terminated, *_ = envs.step([3, 0, 2])
    with pytest.raises(InputError, match=r"Received: a step of environment 1, without an episode that goes on$"):
        envs.step([3, 1, 2])
    observations, infos = envs.reset(options={"reset_mask": terminated})
    assert observations["length"].tolist() == [1, 0, 1]
    assert infos == {}
    observations, *_ = envs.step([4, 1, 2])
    assert observations["token_ids"][:, :2].tolist() == [[3, 4], [1, -1], [2, 2]]


def test_make_vec_makes_it_and_the_same_seed_gives_the_same_episodes(base):
    kwargs = {"run_dir": tiny_runs.pairs_run(base).directory, "reward": "rollout", "render_mode": "ansi"}
    ran = []
    for _ in range(2):
        envs = gymnasium.make_vec(
            ENVIRONMENT_ID, num_envs=4, vectorization_mode="vector_entry_point", autoreset_mode="SameStep", **kwargs
        )
        assert isinstance(envs, TokenVectorEnv)
        seen = [envs.reset(seed=3)[0]]
        draw = np.random.default_rng(2)
        for _ in range(6):
            observations, rewards, *_ = envs.step(draw.integers(0, 5, 4))
            seen.append(observations | {"rewards": rewards})
        ran.append(seen)
        assert len(envs.render()) == 4
        assert all(isinstance(text, str) for text in envs.render())
    for one, other in zip(*ran, strict=True):
        assert_same_observations(one, other)
    conditions = ran[0][0]["condition"]
    assert len(np.unique(conditions, axis=0)) > 1


def test_what_was_returned_does_not_change_later():
    envs = TokenVectorEnv(NUM, gan=GAN)
    first, _ = envs.reset(seed=1)
    step = envs.step([1, 0, 2])
    copies = [np.copy(part) for part in (*first.values(), *step[0].values(), *step[1:4])]
    for _ in range(4):
        envs.step([1, 0, 2])
    for part, copy in zip((*first.values(), *step[0].values(), *step[1:4]), copies, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_rewards_are_computed_in_one_call_per_step(monkeypatch):
    envs, calls = TokenVectorEnv(NUM, gan=GAN, reward="rollout"), []
    values = envs.task._values
    monkeypatch.setattr(values, "_compiled", lambda *a, inner=values._compiled: calls.append(len(a[0])) or inner(*a))
    envs.reset(seed=1)
    envs.step([3, 0, 2])
    envs.step([3, 1, 2])
    assert calls == [3, 2]  # the row whose episode begins is not valued


def test_wrappers_of_gymnasium_count_the_return():
    envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(TokenVectorEnv(NUM, gan=GAN, reward="rollout"))
    envs.reset(seed=1)
    envs.step([3, 3, 2])
    _, _, terminated, _, infos = envs.step([3, 0, 2])
    assert terminated.tolist() == [False, True, False]
    assert infos["episode"]["r"][1] == pytest.approx(float(GAN.discriminator(np.array([[3, 0, -1, -1]]))[0]), abs=1e-5)
    assert infos["episode"]["l"][1] == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TokenVectorEnv(0, gan=GAN), r"`num_envs` must be at least 1. Received: 0"),
        (
            lambda: TokenVectorEnv(2, "never", gan=GAN),
            r"`autoreset_mode` must be one of \['NextStep', 'SameStep', 'Disabled'\]. Received: 'never'",
        ),
        (lambda: begun().reset(seed=[1]), r"`seed` must be an int, or a list of 2. Received: a list of 1"),
        (
            lambda: begun().reset(options={"reset_mask": [True]}),
            r"`reset_mask` must be a bool array of shape \(2,\). Received: \[True\]",
        ),
        (lambda: begun().step([1]), r"`actions` must be an int array of shape \(2,\). Received: int64 of shape \(1,\)"),
        (lambda: begun().step([1.0, 2.0]), r".* Received: float64 of shape \(2,\)"),
        (lambda: begun().step([1, 5]), r"`action` must be a token id from 0 to 4. Received: 5"),
        (lambda: TokenVectorEnv(2, gan=GAN).step([1, 2]), r".* a step of environment 0, without an episode .*"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        call()


def begun():
    envs = TokenVectorEnv(2, gan=GAN)
    envs.reset(seed=1)
    return envs
