"""Encoders, and generators that start from their summary and attend to their memory."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conditional import SOURCES, TARGETS, B, S, T, U, V, encoder, generator

from seqgan_tf.core.conditions import condition_on
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.attention import attend, attend_rows
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.encoders import ConcatenateEncoder, LabelEncoder, SequenceEncoder
from seqgan_tf.models.generator import Generator


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("attention", [None, "luong"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_step_and_call_give_the_same_logits(cell, attention, num_layers):
    network = generator(
        cell=cell, attention=attention, num_layers=num_layers, encoder=encoder(cell=cell, num_layers=num_layers)
    )
    policy = condition_on(network, SOURCES)
    whole, rows = policy(TARGETS).numpy(), 2 * B
    state, fed = policy.initial_state(rows), tf.fill([rows], network.start_token_id)
    for t in range(T):
        logits, state = policy.step(fed, state)
        np.testing.assert_allclose(logits, np.tile(whole[:, t], [2, 1]), rtol=1e-5, atol=1e-5)
        fed = tf.tile(TARGETS[:, t], [2])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_padding_of_the_source_changes_nothing(cell):
    network = generator(cell=cell, encoder=encoder(cell=cell, num_layers=2))
    wider = np.pad(SOURCES, [[0, 0], [0, 3]], constant_values=-1)
    expected = condition_on(network, SOURCES)(TARGETS)
    np.testing.assert_allclose(condition_on(network, wider)(TARGETS), expected, atol=1e-6)
    short = condition_on(network, SOURCES[:1, :4])(TARGETS[:1])
    np.testing.assert_allclose(short, expected[:1], atol=1e-6)


def test_the_memory_and_the_summary_are_those_of_two_plain_recurrent_layers():
    network = encoder(cell="gru")
    memory, _, summary = network(SOURCES)
    row = SOURCES[0, :4]  # without its padding
    embedded = network.embedding(row[np.newaxis])
    ahead = network.forward_layers[0].cell
    back = network.backward_layers[0].cell

    def run(cell, inputs):
        state, outputs = [tf.zeros([1, 4])], []
        for x in inputs:
            _, state = cell(x[np.newaxis], state)
            state = list(state)
            outputs.append(state[0][0])
        return np.stack(outputs)

    forward = run(ahead, embedded[0])
    backward = run(back, embedded[0][::-1])
    np.testing.assert_allclose(memory[0, :4], np.concatenate([forward, backward[::-1]], axis=1), atol=1e-6)
    np.testing.assert_allclose(summary[0], np.concatenate([forward[-1], backward[-1]]), atol=1e-6)


def test_attention_is_the_mean_of_the_memory_weighted_by_its_softmax(rng):
    queries, memory = rng.normal(size=(B, 2, 4)).astype(np.float32), rng.normal(size=(B, S, 4)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0], [1] * 6], np.float32)
    found = attend(queries, memory, mask).numpy()
    for b, q in np.ndindex(B, 2):
        kept = memory[b][mask[b] > 0]
        weights = np.exp(kept @ queries[b, q])
        np.testing.assert_allclose(found[b, q], weights @ kept / weights.sum(), rtol=1e-4, atol=1e-5)
    rows = np.concatenate([queries[:, 0], queries[:, 1]])  # row r belongs to row r mod B
    expected = np.concatenate([found[:, 0], found[:, 1]])
    np.testing.assert_allclose(attend_rows(rows, memory, mask), expected, rtol=1e-5, atol=1e-6)


def test_labels_are_embedded():
    labels = LabelEncoder(3, 4, seed=1)
    memory, mask, summary = labels(np.array([2, 0]))
    np.testing.assert_array_equal(summary, labels.embedding.embeddings.numpy()[[2, 0]])
    np.testing.assert_array_equal(memory[:, 0], summary)
    np.testing.assert_array_equal(mask, [[1], [1]])
    with pytest.raises(InputError, match=r"`condition` must be in \[0, 3\).* Received: 3"):
        labels(np.array([3]))


def test_several_conditions_are_one():
    parts = {"style": LabelEncoder(3, 4, seed=1), "source": encoder()}
    both = ConcatenateEncoder(parts, width=5, seed=1)
    condition = {"style": np.array([2, 0, 1]), "source": SOURCES}
    memory, mask, summary = both(condition)
    assert (memory.shape, mask.shape, summary.shape) == ((B, S + 1, 5), (B, S + 1), (B, 12))
    np.testing.assert_array_equal(mask[:, :S], SOURCES >= 0)
    np.testing.assert_array_equal(summary[:, 8:], parts["style"](condition["style"]).summary)
    network = Generator(V, 3, 6, encoder=both, attention="luong", seed=1)
    whole = condition_on(network, condition)(TARGETS)
    other = condition_on(network, condition | {"style": np.array([1, 1, 1])})(TARGETS)
    assert np.any(np.abs(whole - other) > 1e-5)
    copy = Generator.from_config(network.get_config())
    copy.set_weights(network.get_weights())
    np.testing.assert_array_equal(condition_on(copy, condition)(TARGETS), whole)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SequenceEncoder(1), "`vocabulary_size` must be at least 2. Received: 1"),
        (lambda: SequenceEncoder(5, hidden_dim=0), "`hidden_dim` must be at least 1. Received: 0"),
        (lambda: SequenceEncoder(5, cell="rnn"), r"`cell` must be one of \['gru', 'lstm'\]. Received: 'rnn'"),
        (lambda: SequenceEncoder(5, dropout=1.0), r"`dropout` must be in \[0, 1\). Received: 1.0"),
        (lambda: LabelEncoder(1), "`num_labels` must be at least 2. Received: 1"),
        (lambda: ConcatenateEncoder({}), "`encoders` must be a dict of encoders. Received: {}"),
        (
            lambda: ConcatenateEncoder({"a": LabelEncoder(2)})(np.array([1])),
            r"`condition` must be a dict with \['a'\]. Received: EagerTensor",
        ),
        (
            lambda: ConcatenateEncoder({"a": LabelEncoder(2)})({"b": np.array([1])}),
            r"`condition` must be a dict with \['a'\]. Received: \['b'\]",
        ),
        (lambda: Generator(5, attention="luong"), "`attention` needs an `encoder`. Received: 'luong' without one"),
        (lambda: Generator(5, encoder=encoder(), attention="dot"), "`attention` must be 'luong' or None"),
        (lambda: Generator(5, encoder="gru"), "`encoder` must be a Keras model or layer. Received: str"),
        (
            lambda: Discriminator(5, 4, encoder=keras.layers.Dense(3, name="mine")),
            "`encoder` must have the attribute `memory_dim`, an int. Received: 'mine' without it",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_sources_outside_the_vocabulary_are_named():
    with pytest.raises(InputError, match=rf"`condition` must be in \[0, {U}\)"):
        condition_on(generator(), SOURCES + U)
