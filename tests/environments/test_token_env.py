"""The environment of one sequence: Gymnasium's own check, and episodes against plain arithmetic."""

import itertools
import sys
import warnings

import conditional
import exact
import gymnasium
import numpy as np
import pytest
import tiny
import tiny_runs
from gymnasium.utils.env_checker import check_env, data_equivalence

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError, MissingExtraError
from seqgan_tf.environments import ENVIRONMENT_ID, TokenEnv
from seqgan_tf.models.encoders import LabelEncoder

ORACLE = sg.Oracle(tiny.V, 3, 4, seed=2)
KINDS = {
    "terminal": {},
    "rollout": {"num_rollouts": 2},
    "oracle": {"oracle": ORACLE},
}


def episode(env, actions, seed=None):
    """(observations, rewards, terminated) of the actions up to the end of an episode; one observation more."""
    seen, rewards, ends = [env.reset(seed=seed)[0]], [], []
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        assert not truncated
        assert info == {}
        seen.append(observation)
        rewards.append(reward)
        ends.append(terminated)
        if terminated:
            break
    return seen, rewards, ends


@pytest.mark.parametrize("reward", KINDS)
def test_gymnasium_finds_nothing_wrong_with_a_run_on_an_oracle(reward, whole):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # those of Gymnasium
        env = gymnasium.make(ENVIRONMENT_ID, run_dir=whole.directory, reward=reward, render_mode="ansi")
        check_env(env.unwrapped)


@pytest.mark.parametrize("run", [tiny_runs.pairs_run, tiny_runs.labels_run])
def test_gymnasium_finds_nothing_wrong_with_a_run_with_conditions(run, base):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # those of Gymnasium
        check_env(gymnasium.make(ENVIRONMENT_ID, run_dir=run(base).directory).unwrapped)


def test_the_module_may_stand_in_the_name():
    env = gymnasium.make(f"seqgan_tf.environments:{ENVIRONMENT_ID}", gan=tiny.make())
    assert isinstance(env.unwrapped, TokenEnv)


def test_an_observation_is_the_tokens_so_far_and_their_number():
    seen, _, ends = episode(TokenEnv(gan=tiny.make()), [3, 1, 0])
    assert [row["token_ids"].tolist() for row in seen] == [
        [-1, -1, -1, -1],
        [3, -1, -1, -1],
        [3, 1, -1, -1],
        [3, 1, 0, -1],
    ]
    assert [row["length"] for row in seen] == [0, 1, 2, 3]
    assert ends == [False, False, True]  # 0 is the end token


def test_without_an_end_token_an_episode_has_as_many_steps_as_positions():
    _, _, ends = episode(TokenEnv(gan=tiny.make(end_token_id=None)), [0, 0, 0, 0])
    assert ends == [False, False, False, True]


@pytest.mark.parametrize("actions", [[3, 1, 2, 4], [2, 0], [1, 4, 4, 0]])
def test_the_terminal_reward_is_the_logit_of_the_whole_sequence(actions):
    gan = tiny.make()
    seen, rewards, _ = episode(TokenEnv(gan=gan), actions)
    assert rewards[:-1] == [0.0] * (len(actions) - 1)
    assert rewards[-1] == pytest.approx(float(gan.discriminator(seen[-1]["token_ids"][None])[0]), abs=1e-6)


def test_the_reward_of_the_models_estimator_is_the_default():
    gan = sg.SeqGAN(*networks(), sg.TerminalReward("probability"))
    seen, rewards, _ = episode(TokenEnv(gan=gan), [2, 0])
    logit = float(gan.discriminator(seen[-1]["token_ids"][None])[0])
    assert rewards[-1] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)
    _, rewards, _ = episode(TokenEnv(gan=gan, sequence_reward="log_odds"), [2, 0])
    assert rewards[-1] == pytest.approx(logit, abs=1e-6)
    constant = sg.SeqGAN(*networks(), sg.ConstantReward(sg.TerminalReward("probability")))
    assert episode(TokenEnv(gan=constant), [2, 0])[1][-1] == pytest.approx(logit, abs=1e-6)


def networks():
    gan = tiny.make()
    return gan.generator, gan.discriminator


@pytest.mark.parametrize("actions", [[3, 1, 2, 4], [2, 0], [1, 4, 4, 0]])
def test_the_rewards_of_roll_outs_sum_to_the_reward_of_the_whole_sequence(actions):
    gan = tiny.make()
    _, shaped, _ = episode(TokenEnv(gan=gan, reward="rollout", num_rollouts=3), actions, seed=5)
    _, terminal, _ = episode(TokenEnv(gan=gan), actions)
    assert sum(shaped) == pytest.approx(sum(terminal), abs=1e-6)
    assert all(shaped)


def test_the_reward_under_an_oracle_is_the_log_probability_of_the_token():
    env, logits = TokenEnv(gan=tiny.make(end_token_id=None), reward="oracle", oracle=ORACLE), {}
    for actions in itertools.islice(itertools.product(range(tiny.V), repeat=tiny.T), 0, None, 60):
        _, rewards, _ = episode(env, actions)
        state, fed = ORACLE.initial_state(1), [0]  # one step after another, from the start token of the oracle
        for action, reward in zip(actions, rewards, strict=True):
            logits, state = ORACLE.step(np.array(fed), state)
            assert reward == pytest.approx(exact.log_softmax(logits)[0, action], abs=1e-5)
            fed = [action]


@pytest.mark.parametrize("reward", KINDS)
def test_an_episode_that_begins_is_worth_what_the_last_one_was_not(reward):
    env = TokenEnv(gan=tiny.make(), reward=reward, **KINDS[reward])
    first = episode(env, [3, 1, 2, 4], seed=1)
    again = episode(env, [3, 1, 2, 4], seed=1)
    assert data_equivalence(first, again)


def test_the_seed_decides_the_conditions_and_the_roll_outs_of_all_episodes():
    env = conditional_env(reward="rollout")
    other = conditional_env(reward="rollout")
    ran = [[episode(e, [1, 2, 3, 4], seed=s) for s in (3, None, None, None)] for e in (env, other)]
    assert data_equivalence(*ran)
    assert not data_equivalence(ran[0], [episode(env, [1, 2, 3, 4], seed=s) for s in (4, None, None, None)])


def conditional_env(**settings):
    return TokenEnv(gan=conditional.make(), conditions=conditional.SOURCES, num_rollouts=2, **settings)


def test_each_condition_is_drawn_and_rewarded_as_itself():
    gan = conditional.make()
    env, numbers = TokenEnv(gan=gan, conditions=conditional.SOURCES), []
    for number in range(20):
        seen, rewards, _ = episode(env, [1, 2, 3, 4], seed=number)
        (row,) = np.flatnonzero((seen[0]["condition"] == conditional.SOURCES).all(axis=1))
        assert all((s["condition"] == conditional.SOURCES[row]).all() for s in seen)
        context = gan.discriminator.encode(conditional.SOURCES[[row]])
        expected = float(gan.discriminator(np.array([[1, 2, 3, 4]]), context=context)[0])
        assert rewards[-1] == pytest.approx(expected, abs=1e-5)
        numbers.append(row)
    assert set(numbers) == {0, 1, 2}


def test_a_nest_of_conditions_is_a_nest_of_spaces():
    encoders = [
        sg.ConcatenateEncoder({"label": LabelEncoder(3, seed=n), "source": conditional.encoder(seed=n + 1)})
        for n in (1, 5)
    ]
    generator = conditional.generator(encoder=encoders[0], attention=None)
    gan = sg.SeqGAN(generator, conditional.discriminator(encoder=encoders[1]), sg.TerminalReward())
    conditions = {"label": np.array([0, 2, 1], np.int32), "source": conditional.SOURCES}
    env = TokenEnv(gan=gan, conditions=conditions)
    seen, rewards, _ = episode(env, [1, 2, 3, 4], seed=1)
    assert all(observation in env.observation_space for observation in seen)
    assert list(env.observation_space["condition"]) == ["label", "source"]
    assert np.isfinite(rewards).all()


def test_render_gives_the_text_so_far(base):
    env = TokenEnv(run_dir=tiny_runs.text_run(base).directory, render_mode="ansi")
    red, cat = sg.load_run(tiny_runs.text_run(base).directory).tokenizer.encode(["red cat"])[0]
    env.reset()
    texts = [env.render()]
    for token in (red, cat):
        env.step(token)
        texts.append(env.render())
    assert texts == ["", "red", "red cat"]


def test_render_gives_the_ids_where_there_is_no_text():
    env = TokenEnv(gan=tiny.make(), render_mode="ansi")
    episode(env, [3, 1, 0])
    assert env.render() == "3 1 0"
    assert TokenEnv(gan=tiny.make()).render() is None
    assert TokenEnv(gan=tiny.make(), render_mode="ansi", decode=lambda ids: [f"{len(ids)}!"]).render() == "1!"


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (5, r"`action` must be a token id from 0 to 4. Received: 5"),
        (-1, r"`action` must be a token id from 0 to 4. Received: -1"),
        (1.0, r"`action` must be a token id, an int. Received: 1.0"),
        ("a", r"`action` must be a token id, an int. Received: 'a'"),
        ([1, 2], r"`action` must be a token id, an int. Received: \[1, 2\]"),
    ],
)
def test_an_action_outside_the_vocabulary_changes_nothing(action, message):
    env = TokenEnv(gan=tiny.make())
    env.reset()
    with pytest.raises(InputError, match=f"^{message}$"):
        env.step(action)
    assert env.step(3)[0]["token_ids"].tolist() == [3, -1, -1, -1]


def test_a_step_after_the_end_and_before_the_beginning():
    env = TokenEnv(gan=tiny.make())
    message = (
        r"^`step` must follow `reset`, and stop where an episode has ended. "
        r"Received: a step of environment 0, without an episode that goes on$"
    )
    with pytest.raises(InputError, match=message):
        env.step(3)
    episode(env, [0])
    with pytest.raises(InputError, match=message):
        env.step(3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gan": None}, r"one of `gan` and `run_dir` must be given. Received: neither"),
        ({"run_dir": "."}, r"one of `gan` and `run_dir` must be given. Received: both"),
        ({"reward": "bleu"}, r"`reward` must be one of \['terminal', 'rollout', 'oracle'\]. Received: 'bleu'"),
        ({"reward": "oracle"}, r"`oracle` must be an `Oracle` for `reward` 'oracle'. Received: none"),
        ({"reward": "oracle", "oracle": 3}, r".* Received: an object of the class int"),
        (
            {"reward": "oracle", "oracle": ORACLE, "sequence_reward": "log_odds"},
            r"`sequence_reward` must be None for `reward` 'oracle'. Received: a reward",
        ),
        (
            {"reward": "oracle", "oracle": sg.Oracle(7, 3, 4)},
            r"`oracle` must have the generator's vocabulary_size, 5. Received: 7",
        ),
        ({"sequence_reward": "f1"}, r"`reward` must be one of \['log_odds', 'probability'\]. Received: 'f1'"),
        ({"reward": "rollout", "num_rollouts": 0}, r"`num_rollouts` must be at least 1. Received: 0"),
        ({"render_mode": "human"}, r"`render_mode` must be None or 'ansi'. Received: 'human'"),
        ({"conditions": np.zeros(3)}, r"`conditions` must be None for this generator. Received: conditions"),
    ],
)
def test_wrong_arguments(settings, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        TokenEnv(**{"gan": tiny.make()} | settings)


def test_missing_conditions():
    with pytest.raises(
        InputError, match=r"^`conditions` must be given for a generator with an encoder. Received: None$"
    ):
        TokenEnv(gan=conditional.make())


def test_a_directory_that_is_no_run(tmp_path):
    with pytest.raises(InputError, match=r"expected a run directory, with a config.toml. Received: none$"):
        gymnasium.make(ENVIRONMENT_ID, run_dir=tmp_path)


def test_a_run_without_a_trained_discriminator(tmp_path):
    from seqgan_tf.runs.directory import create_run

    run = create_run(tmp_path / "run", tiny_runs.oracle_settings(tmp_path))
    run.state().save()
    message = (
        r"expected a run with a trained discriminator for `reward` '{}'. Received: a run that has not trained one$"
    )
    for reward in ("terminal", "rollout"):
        with pytest.raises(InputError, match=message.format(reward)):
            TokenEnv(run_dir=run.directory, reward=reward)
    assert len(episode(TokenEnv(run_dir=run.directory, reward="oracle"), [1] * 5)[1]) == 5  # needs none


def test_an_early_run_has_a_discriminator(base):
    TokenEnv(run_dir=tiny_runs.early_run(base))


def test_without_gymnasium(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("gymnasium", "seqgan_tf.environments"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(
        MissingExtraError, match=r"^The environment needs gymnasium: pip install 'seqgan-tf\[gymnasium\]'$"
    ):
        import seqgan_tf.environments  # noqa: F401
