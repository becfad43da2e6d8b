"""Decoding by tree search: towards the optimum by enumeration, and position by position what single searches visit."""

import numpy as np
import pytest
import tensorflow as tf
from exact import all_sequences, log_softmax, sequence_probabilities

from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.core.seeds import fold_in, sample_seeds
from seqgan_tf.core.tree_decoding import decode_by_search
from seqgan_tf.core.tree_search import Prefixes, search
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.generator import Generator

V, T, END, ROWS = 4, 5, 2, 6
SEEDS = sample_seeds(3, ROWS)


def policy(end_token_id=END):
    return Generator(V, 4, 5, initializer_stddev=1.0, seed=3, end_token_id=end_token_id)


def value(token_ids):
    """A number in (-1, 1) for each sequence."""
    places = tf.range(1.0, token_ids.shape[1] + 1.0)
    return tf.sin(tf.reduce_sum((tf.cast(token_ids, tf.float32) + 2.0) ** 2 * places, axis=1))


def decode(generator, seeds, simulations, num_actions=V, exploration=1.0, **settings):
    def run():
        return decode_by_search(generator, T, seeds, value, simulations, exploration, num_actions, **settings)

    return tf.function(run)().numpy()


def test_more_simulations_come_closer_to_the_optimum():
    generator, sequences = policy(), all_sequences(V, T, END)
    values = value(tf.constant(sequences)).numpy()
    mean = sequence_probabilities(generator, sequences) @ values
    regret = []
    for simulations in (4, 64):
        found = decode(generator, sample_seeds(3, 30), simulations)
        assert {tuple(row) for row in found.tolist()} <= {tuple(row) for row in sequences.tolist()}
        regret.append((values.max() - value(tf.constant(found)).numpy()).mean())
    assert regret[1] < 0.1 * (values.max() - mean)
    assert 5 * regret[1] < regret[0] < values.max() - mean


def test_each_position_takes_what_a_single_search_from_its_prefix_visits_most():
    generator, settings = policy(), (9, 1.0, 3)
    found = decode(generator, SEEDS[:2], 9, num_actions=3)
    for r, row in enumerate(found):
        state, fed = generator.initial_state(1), generator.start_token_id
        for t in range(T):
            if END in row[:t]:
                assert row[t] == -1
                continue
            logits, state = generator.step(tf.constant([fed]), state)
            prefix = np.where(np.arange(T) < t, row, -1)[np.newaxis].astype(np.int32)
            root = Prefixes(tf.constant(prefix), tf.constant([t]), tf.constant([False]), logits, state)
            seed = fold_in(SEEDS[r], t)[tf.newaxis]
            tree = search(generator, root, value, *settings, seed)
            fed = tree.actions.numpy()[0, np.argmax(tree.visits.numpy()[0])]
            assert row[t] == fed, (r, t)


def test_a_prompt_of_its_own_tokens_gives_the_same_sequence():
    generator = policy(None)
    free = decode(generator, SEEDS, 8)
    np.testing.assert_array_equal(decode(generator, SEEDS, 8, prompt=tf.constant(free[:, :3])), free)
    # Rows with prompts of different lengths, all of another token than the free ones begin with.
    prompt = np.full([ROWS, T], -1, np.int32)
    prompt[:, 0] = (free[:, 0] + 1) % V
    prompt[3:, 1] = (free[3:, 1] + 1) % V
    found = decode(generator, SEEDS, 8, prompt=tf.constant(prompt))
    np.testing.assert_array_equal(found[prompt >= 0], prompt[prompt >= 0])
    assert np.all(found >= 0)


def test_settings_of_sampling_limit_the_search():
    generator = policy(None)
    without = decode(generator, SEEDS, 16, settings=SamplingSettings(suppress_tokens=(0, 3)))
    assert set(np.unique(without)) == {1, 2}
    greedy = decode(generator, SEEDS, 16, settings=SamplingSettings(temperature=0.0))
    expected = []
    for _ in range(T):
        padded = np.array([expected + [0] * (T - len(expected))])
        expected.append(int(log_softmax(generator(padded))[0, len(expected)].argmax()))
    np.testing.assert_array_equal(greedy, [expected] * ROWS)


def test_a_state_with_a_scalar_for_all_rows_is_refused():
    class Cached:
        vocabulary_size, start_token_id, end_token_id = 3, 3, None

        def initial_state(self, batch_size):
            return {"sum": tf.zeros([batch_size]), "position": tf.constant(0)}

    message = "`generator` must have a state with a row per sequence for a tree search. Received: Cached, whose state"
    with pytest.raises(InputError, match=message):
        decode_by_search(Cached(), T, SEEDS, value, 4, 1.0, 3)
