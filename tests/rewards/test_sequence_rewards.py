"""Rewards of whole sequences as objects: weighted sums, the logs of their terms, names, configurations and errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import DATA, T, V

import seqgan_tf as sg
from seqgan_tf.core.logs import collect, report
from seqgan_tf.rewards.sequence_rewards import SequenceReward, as_reward

TOKEN_IDS = np.array([[1, 2, 3, 4], [2, 0, -1, -1], [3, 3, 0, -1], [0, -1, -1, -1]], np.int32)
SEED = tf.constant([1, 0])


@pytest.fixture(scope="module")
def generator():
    return sg.Generator(V, 3, 4, end_token_id=0, initializer_stddev=1.0, seed=1)


@pytest.fixture(scope="module")
def discriminator():
    """Its logits differ by more than the default clip."""
    made = sg.Discriminator(V, T, 3, widths=[1, 2], filters=[5, 5], seed=1)
    draw = np.random.default_rng(5)
    made.set_weights([2 * draw.normal(size=w.shape) for w in made.get_weights()])
    return made


def decode(token_ids):
    return [" ".join(str(token) for token in row if token > 0) for row in token_ids.tolist()]


def tokens(completions):
    return [len(text.split()) for text in completions]


def twos(completions):
    return [text.count("2") for text in completions]


def estimators(reward, **settings):
    return {
        "rollout": sg.MonteCarloRollout(3, chunk_size=5, reward=reward, **settings),
        "stride": sg.MonteCarloRollout(3, stride=2, reward=reward, **settings),
        "terminal": sg.TerminalReward(reward=reward, **settings),
    }


KINDS = list(estimators("log_odds"))


# Objects and names


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "reward", "clip"),
    [("log_odds", sg.LogOdds(0.7), 0.7), ("log_odds", sg.LogOdds(), 3.0), ("probability", sg.Probability(), 3.0)],
    ids=lambda value: str(getattr(value, "log_name", value)),
)
def test_an_object_gives_the_rewards_of_its_name_to_the_bit(kind, name, reward, clip, generator, discriminator):
    arguments = (TOKEN_IDS, generator, discriminator, SEED)
    named = estimators(name, clip=clip)[kind].estimate(*arguments)
    np.testing.assert_array_equal(estimators(reward)[kind].estimate(*arguments), named)
    alone = sg.WeightedSum([(reward, 1.0)])
    np.testing.assert_array_equal(estimators(alone)[kind].estimate(*arguments), named)
    assert np.ptp(named[:, 0]) > 0.1


def test_a_name_with_a_clip_is_the_reward_that_it_stands_for():
    assert as_reward("log_odds", 2.0).get_config() == {"clip": 2.0}
    assert isinstance(as_reward("probability"), sg.Probability)
    reward = sg.LogOdds()
    assert as_reward(reward) is reward


# Weighted sums


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_weighted_sum_is_the_sum_of_separate_estimates_with_the_same_seed(kind, compiled, generator, discriminator):
    rewards = [sg.LogOdds(2.0), sg.Probability(), sg.Objective(tokens, decode), sg.Objective(twos, decode)]
    weights = [1.0, 0.5, 2.0, 0.25]

    def estimate(reward):
        estimator = estimators(reward)[kind]
        function = lambda ids: estimator.estimate(ids, generator, discriminator, SEED)  # noqa: E731
        return (tf.function(function) if compiled else function)(tf.constant(TOKEN_IDS)).numpy()

    separate = [estimate(reward) for reward in rewards]
    assert all(np.ptp(each) > 0 for each in separate)
    found = estimate(sg.WeightedSum(list(zip(rewards, weights, strict=True))))
    np.testing.assert_allclose(found, np.tensordot(weights, separate, 1), rtol=1e-5, atol=1e-6)
    inner = sg.WeightedSum([(rewards[1], 1.0), (rewards[3], 0.5)])
    nested = sg.WeightedSum([(rewards[0], 1.0), (inner, 0.5), (rewards[2], 2.0)])
    np.testing.assert_allclose(estimate(nested), found, rtol=1e-5, atol=1e-6)


def test_the_discriminators_part_of_a_sum_is_scored_by_its_own_fast_scorer(generator):
    scored = []

    class Scoring(sg.Discriminator):
        def call(self, token_ids, training=False):
            scored.append(len(token_ids))
            return super().call(token_ids, training=training)

        def completion_scorer(self, token_ids, prefixes, num_completions):
            scored.append("fast")
            return super().completion_scorer(token_ids, prefixes, num_completions)

    network = Scoring(V, T, 3, widths=[1, 2], filters=[3, 2], seed=1)
    scored.clear()
    reward = sg.WeightedSum([("log_odds", 1.0), ("probability", 1.0), (sg.Objective(tokens, decode), 1.0)])
    sg.MonteCarloRollout(3, reward=reward).estimate(TOKEN_IDS, generator, network, SEED)
    assert sorted(scored, key=str) == [len(TOKEN_IDS), "fast"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_discriminator_that_no_term_needs_is_not_called(kind, generator):
    def never(token_ids, training=False):
        raise AssertionError

    arguments = (TOKEN_IDS, generator, never, SEED)
    alone = estimators(sg.Objective(tokens, decode))[kind].estimate(*arguments)
    doubled = sg.WeightedSum([(sg.Objective(tokens, decode), 2.0), (sg.Objective(twos, decode), 0.0)])
    np.testing.assert_array_equal(estimators(doubled)[kind].estimate(*arguments), 2 * alone)


def test_a_term_of_weight_0_is_evaluated_on_the_sampled_sequences_alone(generator, discriminator):
    seen = []

    def see(completions):
        seen.extend(completions)
        return tokens(completions)

    reward = sg.WeightedSum([("log_odds", 1.0), (sg.Objective(see, decode), 0.0)])
    with collect(reward.log_names) as logs:
        found = estimators(reward)["rollout"].estimate(TOKEN_IDS, generator, discriminator, SEED)
    assert sorted(seen) == sorted(decode(TOKEN_IDS))
    assert float(logs["objective_see"]) == np.mean(tokens(decode(TOKEN_IDS)))
    known = estimators("log_odds")["rollout"].estimate(TOKEN_IDS, generator, discriminator, SEED)
    np.testing.assert_array_equal(found, known)
    judge = sg.WeightedSum([("log_odds", 0.0), (sg.Objective(tokens, decode), 1.0)])
    with collect(judge.log_names) as logs:
        estimators(judge)["rollout"].estimate(TOKEN_IDS, generator, discriminator, SEED)
    assert float(logs["log_odds"]) == pytest.approx(np.clip(discriminator(TOKEN_IDS), -3, 3).mean(), rel=1e-6)


# Logs


@pytest.mark.parametrize("control", [lambda estimator: estimator, sg.ConstantReward, sg.ShuffledReward])
@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_of_each_term_over_the_sampled_sequences_is_reported(kind, control, generator, discriminator):
    reward = sg.WeightedSum([("log_odds", 0.5), ("probability", 1.0), (sg.Objective(twos, decode), 3.0)])
    estimator = control(estimators(reward)[kind])
    assert estimator.log_names == ("log_odds", "probability", "objective_twos")
    assert [objective.name for objective in estimator.objectives] == ["twos"]
    with collect(estimator.log_names) as logs:
        estimator.estimate(TOKEN_IDS, generator, discriminator, SEED)
    logits = discriminator(TOKEN_IDS).numpy().astype(np.float64)
    expected = [np.clip(logits, -3, 3).mean(), (1 / (1 + np.exp(-logits))).mean(), np.mean(twos(decode(TOKEN_IDS)))]
    assert tuple(logs) == estimator.log_names
    np.testing.assert_allclose(list(logs.values()), expected, rtol=1e-5)


@pytest.mark.parametrize("reward", ["log_odds", "probability", sg.LogOdds(), sg.Probability()])
def test_the_discriminators_score_alone_has_no_logs_beside_the_reward(reward):
    for estimator in estimators(reward).values():
        assert (estimator.log_names, estimator.objectives) == ((), ())
        assert (sg.ConstantReward(estimator).log_names, sg.ConstantReward(estimator).objectives) == ((), ())


def test_reports_are_ignored_unless_a_step_collects_them_by_name():
    report("a", tf.constant([1.0, 2.0]))
    with collect(["a"]) as outer:
        with collect(["b"]) as inner:
            report("b", tf.constant([4.0]))
            report("a", tf.constant([9.0]))
        report("a", tf.constant([1.0, 2.0]))
    assert ({name: float(v) for name, v in outer.items()}, float(inner["b"])) == ({"a": 1.5}, 4.0)
    report("a", tf.constant([7.0]))
    assert float(outer["a"]) == 1.5


def test_fit_logs_the_terms():
    generator = sg.Generator(V, 3, 4, end_token_id=0, seed=1)
    reward = sg.WeightedSum([("log_odds", 1.0), (sg.Objective(tokens, decode), 0.5)])
    gan = sg.SeqGAN(
        generator,
        sg.Discriminator(V, T, 3, widths=[1, 2], filters=[3, 2], seed=1),
        sg.TerminalReward(reward=reward),
        batch_size=3,
        generator_steps=2,
        discriminator_steps=2,
        baseline="none",
    )
    with pytest.warns(UserWarning, match="^The model cannot be saved"):
        gan.compile("sgd", "sgd")
    history = gan.fit(DATA, steps_per_epoch=3, epochs=2, verbose=0).history
    assert {"log_odds", "objective_tokens", "reward"} <= set(history)
    assert np.isfinite([history["log_odds"], history["objective_tokens"]]).all()
    names = gan.phases["adversarial"].log_names
    assert set(history) | {"nll", "gradient_norm"} == set(names)
    logs = gan.generator_step(gan.next_seed())
    assert tuple(logs) == names[2 : 2 + len(logs)]


def test_rewards_of_names_have_the_logs_that_they_had():
    gan = sg.SeqGAN(sg.Generator(V), sg.Discriminator(V, T), sg.MonteCarloRollout(2))
    gan.compile()
    assert gan.phases["adversarial"].log_names == (
        "nll",
        "gradient_norm",
        "generator_loss",
        "reward",
        "entropy",
        "generator_gradient_norm",
        "discriminator_loss",
        "real_accuracy",
        "generated_accuracy",
        "discriminator_gradient_norm",
    )


# Configurations


def copy_of(part):
    return keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(part))


@pytest.mark.parametrize("kind", KINDS)
def test_config_round_trip(kind):
    reward = sg.WeightedSum([(sg.LogOdds(2.0), 1.0), (sg.WeightedSum([("probability", 0.5)]), 2.0)])
    estimator = estimators(reward)[kind]
    copy = copy_of(estimator)
    assert type(copy) is type(estimator)
    assert copy.get_config() == estimator.get_config()
    found = [(type(term), term.get_config(), weight) for term, weight in copy.sequence_reward.terms]
    assert found == [(sg.LogOdds, {"clip": 2.0}, 1.0), (sg.Probability, {}, 1.0)]
    named = estimators("log_odds", clip=1.5)[kind]
    assert {name: copy_of(named).get_config()[name] for name in ("reward", "clip")} == {
        "reward": "log_odds",
        "clip": 1.5,
    }


# Errors


@pytest.mark.parametrize("estimator", [sg.TerminalReward, sg.MonteCarloRollout])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"reward": tokens},
            r"^`reward` must be one of \['log_odds', 'probability'\], or a reward such as `LogOdds\(\)` or "
            r"`Objective\(...\)`. Received: an object of the class function$",
        ),
        (
            {"reward": sg.LogOdds(), "clip": 2.0},
            "^`clip` must be an argument of `LogOdds` where `reward` is an object. Received: 2.0$",
        ),
    ],
)
def test_estimators_refuse_what_is_no_reward(estimator, settings, message):
    with pytest.raises(sg.InputError, match=message):
        estimator(**settings)


@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        ([], r"`rewards` must be a list of pairs \(reward, weight\). Received: \[\]"),
        ("log_odds", r"`rewards` must be a list of pairs \(reward, weight\). Received: 'log_odds'"),
        (["log_odds"], r"`rewards` must be a list of pairs \(reward, weight\). Received: 'log_odds' in it"),
        ([("bleu", 1.0)], r"`reward` must be one of \['log_odds', 'probability'\]. Received: 'bleu'"),
        ([("log_odds", "1")], "`weight` must be a number. Received: '1'"),
        ([("log_odds", -0.5)], "`weight` must be at least 0. Received: -0.5"),
        ([("log_odds", float("nan"))], "`weight` must be at least 0. Received: nan"),
        ([("log_odds", float("inf"))], "`weight` must be finite. Received: inf"),
        ([("log_odds", 0), ("probability", 0)], "`rewards` must hold a weight above 0. Received: 2 pairs without one"),
        (
            [("log_odds", 1), (sg.LogOdds(1.0), 1)],
            "`rewards` must be rewards with different logs. Received: two with the log 'log_odds'",
        ),
    ],
    ids=str,
)
def test_what_is_no_weighted_sum_is_refused(rewards, message):
    with pytest.raises(sg.InputError, match=f"^{message}$"):
        sg.WeightedSum(rewards)


@pytest.mark.parametrize("clip", [0.0, -1.0, float("nan")])
def test_a_clip_that_is_not_above_0_is_refused(clip):
    with pytest.raises(sg.InputError, match=rf"^`clip` must be above 0. Received: {clip}$"):
        sg.LogOdds(clip)


def test_a_reward_that_says_nothing_has_no_value():
    with pytest.raises(NotImplementedError):
        SequenceReward().of_sequences(TOKEN_IDS)
    with pytest.raises(NotImplementedError):
        SequenceReward().of_logits(tf.zeros([4]))
