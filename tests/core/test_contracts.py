"""The contracts of user-made parts: what breaks them is one line when the model is made or compiled."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import DATA, T, V

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError


def refused(message):
    return pytest.raises(InputError, match=f"^{re.escape(message)}$")


@keras.saving.register_keras_serializable("tests")
class Bigram(keras.Model):
    """A generator that is as short as it can be; subclasses break one part of its contract."""

    def __init__(self, vocabulary_size=V, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.start_token_id, self.end_token_id = vocabulary_size, 0, 0
        self.table = keras.layers.Embedding(vocabulary_size, vocabulary_size, "normal")
        self.table.build((None, None))
        self.built = True

    def call(self, token_ids, training=False):
        before = tf.pad(tf.cast(token_ids, tf.int32)[:, :-1], [[0, 0], [1, 0]], constant_values=self.start_token_id)
        return 30.0 * self.table(tf.maximum(before, 0))

    def initial_state(self, batch_size):
        return tf.zeros([batch_size, 1])

    def step(self, token_ids, state):
        return 30.0 * self.table(tf.maximum(token_ids, 0)), state

    def get_config(self):
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size}


class Flat(Bigram):
    def call(self, token_ids, training=False):
        return super().call(token_ids)[:, 0]


class Shifted(Bigram):
    def call(self, token_ids, training=False):
        return 30.0 * self.table(tf.maximum(token_ids, 0))


class Column(Bigram):
    def step(self, token_ids, state):
        logits, state = super().step(token_ids, state)
        return logits[:, tf.newaxis], state


class LogitsAlone(Bigram):
    def step(self, token_ids, state):
        return super().step(token_ids, state)[0]


class Growing(Bigram):
    def step(self, token_ids, state):
        logits, state = super().step(token_ids, state)
        return logits, tf.concat([state, state], axis=1)


class OneRow(Bigram):
    def initial_state(self, batch_size):
        return tf.zeros([1, 1])


class Branching(Bigram):
    """A bigram needs nothing of a prefix but its last token, which is fed."""

    def encode_prefixes(self, token_ids):
        return tf.zeros([tf.shape(token_ids)[0], 1])

    def branch_state(self, batch_size, num_steps):
        return tf.zeros([batch_size, 1])

    def branch(self, state, begins, counts):
        return state

    def step(self, token_ids, state, prefixes=None):
        return super().step(token_ids, state)


class OnePrefix(Branching):
    def encode_prefixes(self, token_ids):
        return tf.zeros([1, 1])


class OtherBranch(Branching):
    def step(self, token_ids, state, prefixes=None):
        return super().step(token_ids if prefixes is None else token_ids + 1, state)


class WithoutPrefixes(Branching):
    def step(self, token_ids, state):
        return 30.0 * self.table(tf.maximum(token_ids, 0)), state


class Failing(Bigram):
    def call(self, token_ids, training=False):
        raise KeyError("weights")


class Reward:
    """An estimator that is not registered and has no config."""

    def __init__(self, returns=lambda token_ids: tf.zeros(tf.shape(token_ids))):
        self.returns = returns

    def estimate(self, token_ids, generator, discriminator, seed):
        return self.returns(token_ids)


def discriminator():
    return sg.Discriminator(V, T, 3, widths=[1, 2], filters=[3, 2], seed=1)


def with_generator(generator, **settings):
    return sg.SeqGAN(generator, discriminator(), sg.MonteCarloRollout(2, **settings), batch_size=3)


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        (Flat, f"`generator(token_ids)` must be of shape [B, T, V]. Received: shape (2, {V})"),
        (
            Shifted,
            "`generator(token_ids)` and `generator.step(token_ids, state)` must give the same logits. "
            "Received: a difference of DIFFERENCE at position 0",
        ),
        (Column, f"`generator.step(token_ids, state)[0]` must be of shape [R, V]. Received: shape (2, 1, {V})"),
        (
            LogitsAlone,
            "`generator.step(token_ids, state)` must return (logits, state). "
            "Received: an object of the class EagerTensor",
        ),
        (
            Growing,
            "`generator.step(token_ids, state)` must return a state of the structure, shapes and dtypes that it got. "
            "Received: float32 (2, 2) for float32 (2, 1)",
        ),
        (
            OneRow,
            "`generator.initial_state(batch_size)` must be tensors whose first axis is the batch, or scalars. "
            "Received: shape (1, 1) for a batch of 2",
        ),
        (
            OnePrefix,
            "`generator.encode_prefixes(token_ids)` must be tensors whose first axis is the batch. "
            "Received: shape (1, 1) for a batch of 2",
        ),
        (
            OtherBranch,
            "`generator(token_ids)` and `generator.step(token_ids, state, prefixes=prefixes)` must give the same "
            f"logits. Received: a difference of DIFFERENCE at position {T - 1}",
        ),
        (
            WithoutPrefixes,
            "`generator.step(token_ids, state, prefixes=prefixes)` must run on token ids [B, T]. "
            "Received: TypeError: WithoutPrefixes.step() got an unexpected keyword argument 'prefixes'",
        ),
        (Failing, "`generator(token_ids)` must run on token ids [B, T]. Received: KeyError: weights"),
    ],
)
def test_a_generator_that_breaks_its_contract_is_refused(generator, message):
    message = re.escape(message).replace("DIFFERENCE", r"[\d.e+]+")
    with pytest.raises(InputError, match=f"^{message}$"):
        with_generator(generator())
    for right in (Bigram, Branching):
        assert with_generator(right()).generator.vocabulary_size == V


@pytest.mark.parametrize("name", ["vocabulary_size", "start_token_id", "end_token_id"])
def test_a_missing_attribute_is_named(name):
    generator = Bigram()
    delattr(generator, name)
    with refused(f"`generator` must have the attribute `{name}`. Received: an object of the class Bigram without it"):
        with_generator(generator)


def test_what_is_no_keras_model_is_refused():
    with refused("`generator` must be a `keras.Model`. Received: an object of the class Reward"):
        with_generator(Reward())
    with refused("`discriminator` must be a `keras.Model`. Received: an object of the class Reward"):
        sg.SeqGAN(Bigram(), Reward(), sg.TerminalReward())
    with refused("`reward_estimator` must have a method `estimate`. Received: an object of the class str"):
        sg.SeqGAN(Bigram(), discriminator(), "rollout")


def test_rewards_per_sequence_are_refused_where_they_would_be_broadcast_too():
    for length in (2, 3, 4):
        judge = sg.Discriminator(V, length, 3, widths=[1], filters=[2])
        with pytest.raises(InputError, match=r"^`reward_estimator.estimate\(...\)` must be of shape \[B, T\]"):
            sg.SeqGAN(Bigram(), judge, Reward(lambda token_ids: tf.zeros(tf.shape(token_ids)[:1])))


# Optimizers and the names of `compile`


def model():
    return with_generator(sg.Generator(V, 3, 4, end_token_id=0, seed=1))


def test_an_optimizer_of_two_networks_is_refused():
    adam = keras.optimizers.Adam()
    with refused(
        "`discriminator_optimizer` must be an optimizer of its own, since it trains another network than "
        "`generator_optimizer`. Received: the same object for both"
    ):
        model().compile(adam, adam)
    other = keras.optimizers.Adam()
    model().compile(other)
    with refused("`generator_optimizer` must be a new optimizer. Received: one that was built for other weights"):
        model().compile(other)
    gan = model()
    gan.compile("sgd")
    gan.compile(gan.optimizer, gan.discriminator_optimizer)  # its own, again


NAMES = (
    "`generator_optimizer`, `discriminator_optimizer`, `pretrain_optimizer`, `jit_compile`, `run_eagerly`, "
    "`steps_per_execution`, `auto_scale_loss`"
)


@pytest.mark.parametrize("name", ["optimizer", "loss", "metrics"])
def test_compile_says_which_names_it_takes(name):
    with refused(f"`compile` must be called with {NAMES} alone. Received: `{name}`"):
        model().compile(**{name: "adam"})


@pytest.mark.parametrize("wrong", ["adamm", 0.1])
def test_what_is_no_optimizer_is_refused(wrong):
    with refused(f"`discriminator_optimizer` must be a Keras optimizer or its name. Received: {wrong!r}"):
        model().compile(discriminator_optimizer=wrong)


# Parts that cannot be saved


def test_a_part_that_cannot_be_saved_is_said_when_it_is_compiled_and_refused_when_it_is_saved(tmp_path):
    gan = sg.SeqGAN(Bigram(), discriminator(), Reward(), batch_size=3, discriminator_steps=2)
    with pytest.warns(UserWarning, match="^The class of `reward_estimator` is not registered"):
        gan.compile()
    gan.fit(DATA, steps_per_epoch=1, verbose=0)
    with refused(
        "`reward_estimator` must have the methods `get_config` and `from_config` to be saved. "
        "Received: an object of the class Reward"
    ):
        gan.save(tmp_path / "gan.keras")
    assert not (tmp_path / "gan.keras").exists()


def test_weights_that_are_made_late_are_made_before_training():
    class Late(Bigram):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.table = keras.layers.Embedding(V, V)

    gan = with_generator(Late(), update_rate=0.5)
    assert gan.generator.table.built
    for ours, theirs in zip(gan.generator.get_weights(), gan.rollout_policy.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Precision


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_policies_whose_weights_cannot_be_trained_are_refused(dtype):
    message = f"`dtype` must be 'float32', 'mixed_bfloat16', 'mixed_float16' or 'float64'. Received: {dtype!r}"
    with refused(message):
        sg.Generator(V, dtype=dtype)
    with refused(message):
        sg.Discriminator(V, T, dtype=dtype)


def test_a_network_of_the_user_with_weights_in_float16_is_refused():
    gan = with_generator(Bigram())
    gan.generator.table = keras.layers.Embedding(V, V, dtype="float16")
    gan.generator.table.build((None, None))
    with pytest.raises(InputError, match=r"^`generator` must have the dtype policy .* Received: weights in float16$"):
        gan.compile()
