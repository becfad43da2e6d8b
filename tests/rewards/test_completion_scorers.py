"""Which discriminators score completions by `completion_scorer`: those whose class defines the `call` in force too."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core.validation import InputError
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.rewards.rollout import MonteCarloRollout

V, T = 5, 4
TOKEN_IDS = tf.constant([[1, 2, 3, 4], [2, 0, -1, -1], [3, 3, 0, -1]])
TWOS = np.where(TOKEN_IDS >= 0, 2.0, 0.0)
SEED = tf.constant([1, 0])


def twos(token_ids):
    return tf.fill([tf.shape(token_ids)[0]], 2.0)


def scorer_of(value):
    return lambda token_ids, prefixes, num_completions: (
        lambda completed, rows: tf.fill(tf.shape(completed)[:2], float(value))
    )


class Unchanged(Discriminator):
    pass


class Call(Discriminator):
    def call(self, token_ids, training=False):
        return twos(token_ids)


class SubclassOfCall(Call):
    pass


class DunderCall(Discriminator):
    def __call__(self, token_ids, training=False):
        return twos(token_ids)


class Scorer(Discriminator):
    def completion_scorer(self, token_ids, prefixes, num_completions):
        return scorer_of(-1)(token_ids, prefixes, num_completions)


class CallThenScorer(Call):
    """Its scorer may have been written for another `call`."""

    def completion_scorer(self, token_ids, prefixes, num_completions):
        return scorer_of(-1)(token_ids, prefixes, num_completions)


class Both(Discriminator):
    def call(self, token_ids, training=False):
        return twos(token_ids)

    def completion_scorer(self, token_ids, prefixes, num_completions):
        return scorer_of(-1)(token_ids, prefixes, num_completions)


class SubclassOfBoth(Both):
    pass


class BothThenCall(Both):
    def call(self, token_ids, training=False):
        return twos(token_ids)


class Plain:
    """No Keras model: a scorer and `__call__` of one class."""

    vocabulary_size, sequence_length = V, T

    def __call__(self, token_ids, training=False):
        return twos(token_ids)

    def completion_scorer(self, token_ids, prefixes, num_completions):
        return scorer_of(-1)(token_ids, prefixes, num_completions)


class Slots:
    """No attributes besides its methods."""

    __slots__ = ()

    def __call__(self, token_ids, training=False):
        return twos(token_ids)


def make(cls):
    return (
        cls(V, T, 3, widths=[1, 2], filters=[3, 2], embedding_range=3.0, seed=1) if cls not in (Plain, Slots) else cls()
    )


def estimate(discriminator):
    generator = Generator(V, 3, 4, end_token_id=0, seed=1)
    return MonteCarloRollout(40).estimate(TOKEN_IDS, generator, discriminator, SEED).numpy()


@pytest.mark.parametrize("cls", [Call, SubclassOfCall, DunderCall, CallThenScorer, BothThenCall, Slots])
def test_a_call_without_a_scorer_of_its_own_is_used_for_completions_too(cls):
    np.testing.assert_array_equal(estimate(make(cls)), TWOS)


@pytest.mark.parametrize("cls", [Both, SubclassOfBoth, Plain])
def test_a_scorer_that_is_defined_beside_the_call_is_used(cls):
    rewards = estimate(make(cls))
    np.testing.assert_array_equal(rewards[:, -1], TWOS[:, -1])  # the whole sequence, by `call`
    np.testing.assert_array_equal(rewards[:, :-1], np.where(TOKEN_IDS >= 0, -1.0, 0.0)[:, :-1])


def test_a_scorer_without_the_call_is_not_used():
    np.testing.assert_allclose(estimate(make(Scorer)), estimate(make(Discriminator)), rtol=1e-5, atol=1e-6)


def test_attributes_of_an_instance_count_as_a_class_before_all_others():
    discriminator = make(Discriminator)
    discriminator.call = lambda token_ids, training=False: twos(token_ids)
    np.testing.assert_array_equal(estimate(discriminator), TWOS)
    discriminator.completion_scorer = scorer_of(2)
    np.testing.assert_array_equal(estimate(discriminator), TWOS)
    discriminator = make(Call)
    discriminator.completion_scorer = scorer_of(-1)
    np.testing.assert_array_equal(estimate(discriminator), TWOS)


@pytest.mark.parametrize("cls", [Discriminator, Unchanged])
def test_the_built_in_scorer_is_used_before_and_after_keras_has_handled_the_model(cls, tmp_path, monkeypatch):
    """Keras must not leave a `call` among the attributes of an instance."""
    made = []

    def completion_scorer(self, token_ids, prefixes, num_completions):
        made.append(self)
        return scorer_of(-1)(token_ids, prefixes, num_completions)

    monkeypatch.setattr(Discriminator, "completion_scorer", completion_scorer)
    discriminator = make(cls)
    estimate(discriminator)
    discriminator.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    discriminator.fit(TOKEN_IDS, tf.ones([3]), verbose=0)
    discriminator.predict(TOKEN_IDS, verbose=0)
    estimate(discriminator)
    discriminator.save(tmp_path / "d.keras")
    loaded = keras.saving.load_model(tmp_path / "d.keras", custom_objects={"Unchanged": Unchanged})
    estimate(loaded)
    assert made == [discriminator, discriminator, loaded]


def test_scores_of_another_shape_are_refused():
    discriminator = Plain()
    discriminator.__dict__ |= {
        "call": twos,
        "completion_scorer": lambda *_: lambda completed, rows: tf.zeros([3, 120, 1]),
    }
    with pytest.raises(
        InputError, match=r"`completion_scorer\(...\)` must be of shape \[K, R\]. Received: shape \(3, "
    ):
        estimate(discriminator)
