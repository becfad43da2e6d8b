"""The transformer generator, compared with attention in plain loops, and with itself token by token."""

import functools
import itertools

import conditional
import keras
import keras_harness
import numpy as np
import pytest
import tensorflow as tf
from conditional import SOURCES, TARGETS
from exact import all_sequences, log_softmax, sequence_probabilities
from gradients import assert_gradients

import seqgan_tf as sg
from seqgan_tf.core import losses, sampling, steps
from seqgan_tf.core.beam_search import beam_search
from seqgan_tf.core.conditions import condition_on
from seqgan_tf.core.protocols import BranchingGenerator
from seqgan_tf.core.sequences import mask
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.transformer_generator import TransformerGenerator

TOKEN_IDS = np.array([[2, 0, 4, 1, 5], [6, 6, 3, 5, 0], [1, 2, 0, 0, 6]], np.int32)  # B 3, T 5, V 7
KINDS = [{}, {"positions": "learned"}, {"embedding_dim": 12, "num_layers": 1, "num_heads": 6}, {"start_token_id": 2}]


def make(vocabulary_size=7, sequence_length=5, **settings):
    settings = {"embedding_dim": 5, "hidden_dim": 12, "num_heads": 3, "num_layers": 2, "seed": 1} | settings
    return TransformerGenerator(vocabulary_size, sequence_length, **settings)


def spiky(*sizes, **settings):
    return make(*sizes, initializer_stddev=0.6, **settings)


def with_condition(*sizes, **settings):
    """(generator of the tokens of `conditional`, the same bound to its sources)."""
    settings = {"encoder": conditional.encoder(), "end_token_id": 0} | settings
    network = spiky(*(sizes or (conditional.V, conditional.T)), **settings)
    return network, condition_on(network, SOURCES)


def step_by_step(policy, token_ids):
    """Logits [B, T, V] from one step per token."""
    fed, state, logits = tf.fill([len(token_ids)], policy.start_token_id), policy.initial_state(len(token_ids)), []
    for t in range(token_ids.shape[1]):
        now, state = policy.step(fed, state)
        logits.append(now)
        fed = tf.constant(token_ids[:, t])
    return np.stack(logits, axis=1)


# In plain loops


def normalized(x, layer):
    gain, shift = (np.asarray(w, np.float64) for w in layer.get_weights())
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * gain + shift


def softmax(scores):
    weights = np.exp(np.asarray(scores) - np.max(scores))
    return weights / weights.sum()


def turned(vector, position):
    """Each pair of components as a complex number, turned by position / 10000^(2 i / d)."""
    half = len(vector) // 2
    pairs = vector[:half] + 1j * vector[half:]
    pairs = pairs * np.exp(1j * position * 10_000.0 ** (-np.arange(half) / half))
    return np.concatenate([pairs.real, pairs.imag])


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def plain_logits(generator, tokens, memory=None, found=None):
    """Logits [T, V] of one sequence, one position, layer and head after the other; memory: [S, C], without padding.

    The weights [S] of all heads of a position to the memory are added to the list `found[t]`, where there is one.
    """
    matrix = lambda layer: np.asarray(layer.kernel, np.float64)  # noqa: E731
    heads, size = generator.num_heads, generator.hidden_dim // generator.num_heads
    rotates = generator.positions == "rotary"
    fed = [generator.start_token_id, *tokens[:-1]]
    stream = [np.asarray(generator.embedding.embeddings, np.float64)[max(token, 0)] for token in fed]
    if generator.embedding_dim != generator.hidden_dim:
        stream = [x @ matrix(generator.widening) for x in stream]
    if not rotates:
        stream = [x + np.asarray(generator.position_embedding.embeddings)[t] for t, x in enumerate(stream)]
    for block in generator.blocks:
        keys, values = [], []  # [T][H][d]
        for t, x in enumerate(stream):
            all_heads = normalized(x, block.norms[0]) @ matrix(block.entrances[0])
            q, k, v = (part.reshape(heads, size) for part in np.split(all_heads, 3))
            if rotates:
                q, k = ([turned(vector, t) for vector in part] for part in (q, k))
            keys.append(k)
            values.append(v)
            read = []
            for h in range(heads):
                weights = softmax([q[h] @ keys[s][h] / np.sqrt(size) for s in range(t + 1)])
                read.append(sum(weights[s] * values[s][h] for s in range(t + 1)))
            stream[t] = x + np.concatenate(read) @ matrix(block.exits[0])
        if memory is not None:
            for t, x in enumerate(stream):
                queries = (normalized(x, block.norms[1]) @ matrix(block.entrances[1])).reshape(heads, -1)
                weights = [softmax(memory @ q / np.sqrt(memory.shape[1])) for q in queries]
                if found is not None:
                    found[t] += weights
                read = [row @ memory for row in weights]
                stream[t] = x + np.concatenate(read) @ matrix(block.exits[1])
        for t, x in enumerate(stream):
            inner = gelu(normalized(x, block.norms[-1]) @ matrix(block.entrances[-1]))
            stream[t] = x + inner @ matrix(block.exits[-1])
    final = np.stack([normalized(x, generator.norm) for x in stream])
    return final @ matrix(generator.projection) + np.asarray(generator.projection.bias)


@pytest.mark.parametrize("settings", KINDS)
def test_logits_are_those_of_attention_in_plain_loops(settings, rng):
    generator = spiky(**settings)
    for layer in generator._flatten_layers():
        if isinstance(layer, keras.layers.LayerNormalization):  # they start as ones and zeros
            layer.set_weights([rng.normal(1, 0.3, w.shape) for w in layer.get_weights()])
    logits = generator(TOKEN_IDS)
    assert logits.shape == (3, 5, 7)
    assert logits.dtype == tf.float32
    assert float(tf.math.reduce_std(logits)) > 0.5
    for row, tokens in zip(logits, TOKEN_IDS, strict=True):
        np.testing.assert_allclose(row, plain_logits(generator, tokens), rtol=1e-4, atol=1e-5)


def test_logits_given_a_condition_are_those_of_attention_to_its_own_memory():
    network, policy = with_condition()
    logits, context = policy(TARGETS).numpy(), network.encode(SOURCES)
    for b, tokens in enumerate(TARGETS):
        memory = np.asarray(context.memory[b], np.float64)[np.asarray(context.mask[b]) > 0]
        np.testing.assert_allclose(logits[b], plain_logits(network, tokens, memory), rtol=1e-4, atol=1e-5)


def test_attention_weights_are_the_mean_over_layers_and_heads():
    network, _ = with_condition()
    context = network.encode(SOURCES)
    weights = network.attention_weights(TARGETS, context).numpy()
    np.testing.assert_allclose(weights.sum(axis=2), 1, atol=1e-5)
    for b, tokens in enumerate(TARGETS):
        kept = np.asarray(context.mask[b]) > 0
        found = [[] for _ in tokens]
        plain_logits(network, tokens, np.asarray(context.memory[b], np.float64)[kept], found)
        np.testing.assert_allclose(weights[b][:, kept], np.mean(found, axis=1), atol=1e-5)
    with pytest.raises(
        InputError, match=r"^`attention_weights` must be called of a generator with an encoder. Received: None$"
    ):
        make().attention_weights(TOKEN_IDS, context)


# Token by token


@pytest.mark.parametrize("settings", KINDS)
def test_step_and_call_give_the_same_logits(settings):
    generator = spiky(**settings)
    np.testing.assert_allclose(step_by_step(generator, TOKEN_IDS), generator(TOKEN_IDS), atol=1e-5)
    longer = spiky(7, 9, **settings)  # the cache has room left
    np.testing.assert_allclose(step_by_step(longer, TOKEN_IDS), longer(TOKEN_IDS), atol=1e-5)


def test_step_and_call_give_the_same_logits_for_several_rows_of_a_condition():
    _, policy = with_condition()
    twice = np.concatenate([TARGETS, TARGETS[:, ::-1]])
    twice = np.where(twice < 0, 3, twice)
    expected = np.concatenate([policy(twice[:3]), policy(twice[3:])])
    np.testing.assert_allclose(step_by_step(policy, twice), expected, atol=1e-5)


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_a_token_changes_only_the_logits_after_it(positions):
    generator = spiky(positions=positions)
    before = generator(TOKEN_IDS).numpy()
    for t in range(5):
        changed = TOKEN_IDS.copy()
        changed[:, t] = (changed[:, t] + 1) % 7
        after = generator(changed).numpy()
        np.testing.assert_array_equal(after[:, : t + 1], before[:, : t + 1])
        assert np.all(np.abs(after - before)[:, t + 1 :].max(axis=2) > 1e-4)


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_the_order_of_the_tokens_matters(positions):
    generator = spiky(positions=positions, num_layers=1)
    swapped = generator(TOKEN_IDS[:, [1, 0, 2, 3, 4]]).numpy()
    assert np.abs(swapped - generator(TOKEN_IDS))[0, 4].max() > 1e-3


def test_padding_does_not_change_the_logits_before_it():
    generator = spiky(end_token_id=0)
    padded = TOKEN_IDS.copy()
    padded[0, 2:] = -1
    np.testing.assert_array_equal(generator(padded)[0, :3], generator(TOKEN_IDS)[0, :3])
    np.testing.assert_array_equal(generator(padded)[1:], generator(TOKEN_IDS)[1:])


# Sampling and search


def test_samples_with_and_without_a_prompt_have_the_frequencies_of_the_models_own_probabilities():
    generator, sequences = spiky(3, 3, end_token_id=0), all_sequences(3, 3, end_token_id=0)
    p = sequence_probabilities(generator, sequences)
    for prompt in ([], [2], [1, 2]):
        given = np.tile(np.array([prompt], np.int32), [4000, 1]) if prompt else None
        drawn = sampling.sample(generator, 4000, 3, tf.constant([1, 0]), given).numpy()
        begins = (sequences[:, : len(prompt)] == prompt).all(axis=1) if prompt else np.ones(len(sequences), bool)
        expected = p * begins / (p * begins).sum()
        found = (drawn[:, np.newaxis] == sequences).all(axis=2).mean(axis=0)
        np.testing.assert_allclose(found, expected, atol=0.035)


@pytest.mark.parametrize("end_token_id", [None, 0])
def test_beam_search_with_a_beam_per_prefix_is_exact(end_token_id):
    network, _ = with_condition(3, 4, end_token_id=end_token_id)
    sequences = all_sequences(3, 4, end_token_id)
    found, scores = tf.function(beam_search)(condition_on(network, SOURCES), 3, 4, 81)
    for b in range(3):
        policy = condition_on(network, np.repeat(SOURCES[[b]], len(sequences), axis=0))
        exact = np.log(sequence_probabilities(policy, sequences)) / (sequences >= 0).sum(axis=1)
        np.testing.assert_array_equal(found[b], sequences[np.argmax(exact)])
        assert float(scores[b]) == pytest.approx(exact.max(), rel=1e-4)


def test_beams_take_the_caches_of_the_beams_that_they_continue():
    generator, beams = spiky(), {(): 0.0}
    for _ in range(5):
        candidates = {}
        for tokens, score in beams.items():
            padded = np.array([[*tokens, *[0] * (5 - len(tokens))]])
            log_probs = log_softmax(generator(padded))[0, len(tokens)]
            candidates |= {(*tokens, v): score + log_probs[v] for v in range(7)}
        beams = dict(sorted(candidates.items(), key=lambda item: -item[1])[:3])
    found, _ = beam_search(generator, 2, 5, 3)
    np.testing.assert_array_equal(found, [next(iter(beams))] * 2)


# Training


def test_gradients_are_finite_differences():
    network, _ = with_condition(hidden_dim=4, num_heads=2, num_layers=1)
    token_mask = mask(TARGETS)

    def likelihood():
        fresh = condition_on(network, SOURCES)
        return losses.negative_log_likelihood(losses.token_log_probs(fresh(TARGETS), TARGETS), token_mask)

    assert_gradients(likelihood, network)


def test_training_learns_a_few_sequences_by_heart():
    generator, optimizer = make(), keras.optimizers.Adam(0.02)
    step = tf.function(functools.partial(steps.likelihood_step, generator, optimizer))
    nll = [float(step(tf.constant(TOKEN_IDS))["nll"]) for _ in range(60)]
    assert nll[0] > 1.5
    assert nll[-1] == pytest.approx(np.log(3) / 5, abs=0.1)  # three equally likely sequences of five tokens


def test_training_can_start_from_the_token_frequencies():
    generator = make(end_token_id=0)
    generator.start_from_frequencies(TOKEN_IDS)
    counts = 1 + np.bincount(TOKEN_IDS.ravel(), minlength=7)
    np.testing.assert_allclose(generator.projection.bias, np.log(counts / counts.sum()), rtol=1e-5)


def test_dropout_is_on_in_training_only():
    generator = spiky(dropout=0.5)
    np.testing.assert_array_equal(generator(TOKEN_IDS, training=False), spiky()(TOKEN_IDS))
    first, second = generator(TOKEN_IDS, training=True), generator(TOKEN_IDS, training=True)
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(spiky()(TOKEN_IDS, training=True), spiky()(TOKEN_IDS))


# Weights, configuration, precision


@pytest.mark.parametrize("settings", [{}, {"positions": "learned", "initializer_stddev": 0.1, "dropout": 0.1}])
def test_a_seed_reproduces_every_variable(settings):
    first, again, other = (make(seed=seed, **settings).variables for seed in (4, 4, 5))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.any(np.asarray(a) != np.asarray(c)) or np.isin(a, [0, 1]).all()


def test_weights_of_the_same_shape_differ():
    generator = make(embedding_dim=12, num_layers=3, initializer_stddev=0.1, dropout=0.1)
    drawn = [w for w in generator.get_weights() if not np.isin(w, [0, 1]).all()]
    for a, b in itertools.combinations(drawn, 2):
        assert a.shape != b.shape or np.any(a != b)
    states = [tuple(v.numpy()) for v in generator.variables if v.name == "seed_generator_state"]
    assert len(set(states)) == len(states) == 1 + 3 * 2


def test_initializer_stddev_is_that_of_every_matrix():
    weights = make(300, 40, hidden_dim=48, embedding_dim=40, initializer_stddev=0.1, positions="learned").get_weights()
    for array in weights:
        if array.ndim == 2:
            assert array.std() == pytest.approx(0.1, rel=0.2)
            assert abs(array.mean()) < 0.02


@pytest.mark.parametrize(
    "settings", [{}, {"positions": "learned", "dropout": 0.3, "start_token_id": 2, "end_token_id": 0}]
)
def test_config_and_file_round_trips(settings, tmp_path):
    generator = spiky(**settings)
    keras_harness.check_config_round_trip(generator)
    config = generator.get_config()
    assert {name: config[name] for name in settings} == settings
    keras_harness.check_save_and_load(generator, TOKEN_IDS, tmp_path)
    for layer in generator.blocks:
        keras_harness.check_config_round_trip(layer)


def test_an_encoder_is_saved_with_it(tmp_path):
    network, policy = with_condition()
    gan = sg.SeqGAN(network, conditional.discriminator(), sg.MonteCarloRollout(2))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras").generator
    np.testing.assert_array_equal(condition_on(loaded, SOURCES)(TARGETS), policy(TARGETS))


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_mixed_precision_gives_float32_logits_close_to_those_of_float32(positions):
    keras_harness.check_dtype_policies(lambda dtype: make(positions=positions, dtype=dtype), TOKEN_IDS)
    exact = make(positions=positions)(TOKEN_IDS)
    for policy in keras_harness.POLICIES:
        found = step_by_step(make(positions=positions, dtype=policy), TOKEN_IDS)
        np.testing.assert_allclose(found, exact, atol=0.1)


# Errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_heads": 0}, "`num_heads` must be at least 1. Received: 0"),
        ({"num_heads": 5}, "`hidden_dim` must be a multiple of `num_heads`. Received: 12 and 5"),
        ({"num_heads": 4}, "`hidden_dim` / `num_heads` must be even for `positions` 'rotary'. Received: 12 / 4"),
        ({"sequence_length": 0}, "`sequence_length` must be at least 1. Received: 0"),
        ({"positions": "sine"}, r"`positions` must be one of \['rotary', 'learned'\]. Received: 'sine'"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\). Received: 1.0"),
        ({"end_token_id": 7}, r"`end_token_id` must be in \[0, 7\), the vocabulary. Received: 7"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        make(**settings)


def test_ids_outside_the_vocabulary_are_refused():
    generator = make()
    with pytest.raises(InputError, match=r"must be in \[0, 7\), the vocabulary.* Received: 7"):
        generator(np.array([[0, 7]]))
    with pytest.raises(InputError, match=r"must be in .* Received: 8"):
        generator.step(np.array([8]), generator.initial_state(1))


def test_a_longer_sequence_than_its_own_is_refused():
    generator = make()
    with pytest.raises(
        InputError,
        match=r"`token_ids` must be at most 5 long, the generator's sequence_length. Received: shape \(3, 6\)",
    ):
        generator(np.pad(TOKEN_IDS, [[0, 0], [0, 1]]))
    message = r"`sequence_length` must be at most 5, the generator's sequence_length. Received: 6"
    for draw in (
        lambda: sampling.sample(generator, 2, 6, tf.constant([1, 0])),
        lambda: beam_search(generator, 2, 6, 3),
        lambda: sampling.sample(with_condition(5, 5)[1], 3, 6, tf.constant([1, 0])),
    ):
        with pytest.raises(InputError, match=message):
            draw()
    state = generator.initial_state(1)
    for _ in range(5):
        _, state = generator.step(np.array([1]), state)
    with pytest.raises(InputError, match=r"`step` must be called at most 5 times\. Received: one call more"):
        generator.step(np.array([1]), state)


def test_a_discriminator_of_longer_sequences_is_refused():
    message = "`generator` must have a `sequence_length` of at least 6, the length of the sequences. Received: 5"
    with pytest.raises(InputError, match=message):
        sg.SeqGAN(make(), sg.Discriminator(7, 6, 3, widths=[1], filters=[2]), sg.TerminalReward())


def test_a_context_is_needed_with_an_encoder_alone():
    network, _ = with_condition()
    with pytest.raises(InputError, match=r"`context` must be what `encode\(condition\)` returns .* Received: NoneType"):
        network(TARGETS)
    with pytest.raises(InputError, match=r"`context` must be None for this generator\. Received: list"):
        make()(TOKEN_IDS, context=[1])
    assert isinstance(network, BranchingGenerator)
