"""`strategy` of `SeqGAN.generate`: what guides it, its rows and conditions, its errors."""

import numpy as np
import pytest
import tensorflow as tf
from conditional import SOURCES
from conditional import make as make_conditional
from exact_rewards import arbitrary_discriminator
from tiny import T, V, make

from seqgan_tf.core.generation import generate_all
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.transformer_generator import TransformerGenerator
from seqgan_tf.rewards import strategies
from seqgan_tf.rewards.objective import Objective
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.rewards.sequence_rewards import LogOdds, WeightedSum
from seqgan_tf.seqgan import SeqGAN

BUDGETS = {"mcts": {"simulations": 6, "num_actions": 3}, "resample": {"particles": 6}}


def words(token_ids):
    return [" ".join(str(token) for token in row if token >= 0) for row in token_ids]


def threes(completions, **columns):
    return [4.0 * text.split().count("3") for text in completions]


class Judge(tf.Module):
    """A discriminator that a function of token ids makes."""

    encoder = None

    def __init__(self, function):
        self.vocabulary_size, self.sequence_length, self.function = V, T, function

    def __call__(self, token_ids, training=False):
        return self.function(token_ids)


def judged(function):
    model = make(end_token_id=None)
    model.discriminator = Judge(function)
    return model


@pytest.mark.parametrize("strategy", BUDGETS)
def test_a_row_depends_on_its_seed_alone_and_is_compiled_once(strategy):
    compiled = {"mcts": strategies._search, "resample": strategies._resample}[strategy]
    model, settings = judged(arbitrary_discriminator), {"strategy": strategy, **BUDGETS[strategy]}
    found = model.generate(7, seed=1, **settings)
    assert (found.shape, found.dtype) == ((7, T), np.int32)
    traces = compiled.experimental_get_tracing_count()
    np.testing.assert_array_equal(model.generate(3, seed=1, batch_size=2 * 6, **settings), found[:3])
    assert np.any(model.generate(7, seed=2, temperature=0.9, **settings) != found)
    assert np.any(model.generate(7, **settings) != model.generate(7, **settings))
    assert len(np.unique(found, axis=0)) > 1
    if strategy == "mcts":
        model.generate(2, seed=1, exploration=0.5, **settings)
    assert compiled.experimental_get_tracing_count() == traces


@pytest.mark.parametrize("strategy", BUDGETS)
def test_a_row_depends_on_its_condition(strategy):
    model, settings = make_conditional(), {"strategy": strategy, **BUDGETS[strategy]}
    found = model.generate(condition=SOURCES, seed=1, **settings)
    np.testing.assert_array_equal(model.generate(condition=SOURCES[:2], seed=1, **settings), found[:2])
    other = np.concatenate([SOURCES[:1], SOURCES[1:][::-1]])
    changed = model.generate(condition=other, seed=1, **settings)
    np.testing.assert_array_equal(changed[0], found[0])
    assert np.any(changed[1:] != found[1:])


class Repeating:
    """A generator that draws its label again and again."""

    vocabulary_size, start_token_id, end_token_id, encoder = 9, 9, None, True

    def encode(self, condition, training=False):
        return condition

    def initial_state(self, batch_size, context):
        return tf.zeros([batch_size, 1])

    def step(self, token_ids, state, context):
        labels = tf.tile(context, [tf.size(token_ids) // tf.size(context)])
        return 100.0 * tf.one_hot(labels, 9), state


@pytest.mark.parametrize("strategy", BUDGETS)
def test_an_objective_gets_the_prompt_of_its_row(strategy):
    labels, pairs = np.array([3, 0, 8, 1, 5]), []

    def record(completions, prompts, **columns):
        pairs.extend(zip(completions, prompts, strict=True))
        return [0.0] * len(completions)

    reward = Objective(record, words, lambda condition: [str(int(label)) for label in condition])
    decoder, settings = strategies.decoder_of(strategy, {"reward": reward, **BUDGETS[strategy]}, Judge(None), 9)
    found = generate_all(decoder, Repeating(), None, T, 1, settings, condition=labels, batch_size=3 * 6)
    np.testing.assert_array_equal(found["token_ids"], np.repeat(labels[:, np.newaxis], T, axis=1))
    assert set(pairs) == {(" ".join([str(label)] * T), str(label)) for label in labels}


@pytest.mark.parametrize(("strategy", "budget"), [("mcts", {"simulations": 40}), ("resample", {"particles": 40})])
def test_the_discriminator_guides(strategy, budget):
    model = judged(lambda token_ids: 2.0 * tf.reduce_sum(tf.cast(tf.equal(token_ids, 3), tf.float32), axis=1) - 4.0)
    plain = (model.generate(40, seed=1) == 3).sum()
    found = model.generate(40, seed=1, strategy=strategy, reward=LogOdds(9.0), **budget)
    assert (found == 3).sum() > 2 * plain


def test_return_dict():
    model = make()
    plain = model.generate(3, seed=1, return_dict=True)
    assert list(plain) == ["token_ids"]
    np.testing.assert_array_equal(plain["token_ids"], model.generate(3, seed=1))
    found = model.generate(3, seed=1, return_dict=True, strategy="resample", particles=6)
    np.testing.assert_array_equal(found["token_ids"], model.generate(3, seed=1, strategy="resample", particles=6))
    sizes = found["effective_sample_size"]
    assert (sizes.shape, sizes.dtype) == ((3,), np.float32)
    assert np.all((sizes >= 1) & (sizes <= 6.001))


def test_an_error_of_the_objective_is_its_own():
    def broken(completions, **columns):
        raise KeyError("no such text")

    settings = {"strategy": "mcts", "reward": Objective(broken, words), **BUDGETS["mcts"]}
    with pytest.raises(InputError, match=r"`broken\(completions\)` must run on a list of str. Received: KeyError"):
        make().generate(2, seed=1, **settings)


def test_a_weighted_sum_guides_too():
    model, reward = make(end_token_id=None), WeightedSum([(LogOdds(), 0.5), (Objective(threes, words), 1.0)])
    found = model.generate(10, seed=1, strategy="resample", particles=50, reward=reward)
    assert (found == 3).sum() > 2 * (model.generate(10, seed=1) == 3).sum()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "beam"}, r"`strategy` must be one of \['sample', 'mcts', 'resample'\]. Received: 'beam'"),
        ({"strategy": "mcts", "simulations": 4}, "`simulations` must be at least `num_actions`, 5. Received: 4"),
        (
            {"strategy": "mcts", "simulations": 2, "num_actions": 3},
            "`simulations` must be at least `num_actions`, 3. Received: 2",
        ),
        ({"strategy": "mcts", "simulations": 0}, "`simulations` must be at least 1. Received: 0"),
        ({"strategy": "mcts", "num_actions": 0}, "`num_actions` must be at least 1. Received: 0"),
        ({"strategy": "mcts", "exploration": -1}, "`exploration` must be at least 0. Received: -1"),
        ({"strategy": "mcts", "simulations": 2.5}, "`simulations` must be an int. Received: 2.5"),
        ({"strategy": "mcts", "reward": "real"}, r"`reward` must be one of \['log_odds', 'probability'\]"),
        ({"strategy": "mcts", "particles": 3}, "`generate` must be called with .* 'mcts'. Received: `particles`"),
        ({"strategy": "mcts", "num_beams": 3}, "`num_beams` must be 1 for `strategy` 'mcts'. Received: 3"),
        ({"strategy": "resample", "num_beams": 3}, "`num_beams` must be 1 for `strategy` 'resample'. Received: 3"),
        ({"strategy": "resample", "particles": 0}, "`particles` must be at least 1. Received: 0"),
        ({"strategy": "resample", "reward": 3}, "`reward` must be one of .* Received: an object of the class int"),
        ({"simulations": 3}, "`generate` must be called with `temperature`, .* alone. Received: `simulations`"),
    ],
)
def test_settings_outside_their_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        make().generate(2, seed=1, **settings)


def test_a_generator_with_a_cache_for_all_rows_is_resampled_and_not_searched():
    gan = SeqGAN(TransformerGenerator(V, T, 4, 4, num_heads=2, seed=1), make().discriminator, MonteCarloRollout(2))
    assert gan.generate(2, seed=1, strategy="resample", particles=3).shape == (2, T)
    with pytest.raises(InputError, match=r"`generator` must have a state with a row.* Received: TransformerGenerator"):
        gan.generate(2, seed=1, strategy="mcts")
