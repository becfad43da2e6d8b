"""Objectives: values against enumeration, calls without duplicates, prompts."""

import functools

import conditional
import numpy as np
import pytest
import tensorflow as tf
from exact import all_sequences, sequence_probabilities
from objectives import (
    SEED,
    TOKEN_IDS,
    Recorder,
    decode,
    estimate,
    model,
    policy,
    prompts_of,
    value,
    values,
    with_prompt,
)
from tiny import DATA, T

import seqgan_tf as sg
from seqgan_tf.core.conditions import condition_on

# Values


@pytest.mark.parametrize("compiled", [False, True])
def test_a_terminal_reward_is_the_value_of_the_text(compiled):
    found = estimate(sg.TerminalReward(reward=sg.Objective(values, decode)), compiled=compiled)
    expected = np.array([value(text) for text in decode(TOKEN_IDS)])
    np.testing.assert_allclose(found, expected[:, np.newaxis] * (TOKEN_IDS >= 0), rtol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize("chunk_size", [7, 64])
@pytest.mark.parametrize("compiled", [False, True])
def test_roll_outs_are_the_exact_expectation_over_completions(compiled, chunk_size):
    generator, sequences, number = policy(3), all_sequences(3, 4, end_token_id=0), 70 if chunk_size == 7 else 700
    token_ids = sequences[[1, 5, 8, -1, -2]]
    p, r = sequence_probabilities(generator, sequences), np.array([value(text) for text in decode(sequences)])
    estimator = sg.MonteCarloRollout(number, chunk_size=chunk_size, reward=sg.Objective(values, decode))
    found = estimate(estimator, token_ids, generator, compiled=compiled)
    deviations = []
    for b, t in np.ndindex(token_ids.shape):
        alike = (sequences[:, : t + 1] == token_ids[b, : t + 1]).all(axis=1)
        weights = p[alike] / p[alike].sum()
        mean = weights @ r[alike] * (token_ids[b, t] >= 0)
        deviations.append(np.sqrt(weights @ (r[alike] - weights @ r[alike]) ** 2))
        assert abs(found[b, t] - mean) < 4.5 * deviations[-1] / np.sqrt(number) + 1e-4
    assert max(deviations) > 0.5


@pytest.mark.parametrize("estimator", [sg.TerminalReward, functools.partial(sg.MonteCarloRollout, 3, chunk_size=4)])
def test_a_batch_of_unknown_size_gives_the_same_rewards(estimator):
    generator, estimator = policy(), estimator(reward=sg.Objective(values, decode))
    signature = [tf.TensorSpec([None, T], tf.int32)]
    unknown = tf.function(lambda ids: estimator.estimate(ids, generator, None, SEED), signature)
    for token_ids in (TOKEN_IDS, TOKEN_IDS[1:2]):
        np.testing.assert_allclose(unknown(token_ids), estimate(estimator, token_ids, generator), rtol=1e-6)


def test_the_same_seed_gives_the_same_rewards_and_another_seed_others():
    estimator = sg.MonteCarloRollout(4, reward=sg.Objective(values, decode))
    first, second, other = (estimate(estimator, seed=tf.constant([seed, 0]), compiled=True) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert np.any(first[:, :-1] != other[:, :-1])


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.bool_, bool, tf.constant, np.array])
def test_scalars_of_any_library_are_numbers(kind):
    objective = sg.Objective(lambda completions: [kind(len(text) > 4) for text in completions], decode, name="long")
    np.testing.assert_array_equal(objective.values(TOKEN_IDS), np.zeros(4))
    array = sg.Objective(lambda completions: np.ones([len(completions)]), decode, name="array")
    np.testing.assert_array_equal(array.values(TOKEN_IDS), np.ones(4))


# Calls


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("chunk_size", [3, 64])
def test_the_function_is_called_once_per_step_and_gets_each_text_once(chunk_size, compiled):
    function = Recorder(value)
    estimator = sg.MonteCarloRollout(40, chunk_size=chunk_size, reward=sg.Objective(function, decode))
    found = estimate(estimator, generator=policy(3, initializer_stddev=0.1), compiled=compiled)
    (texts,) = function.calls
    assert len(texts) == len(set(texts)) < 40
    assert texts[:3] == decode(TOKEN_IDS[[0, 1, 3]])  # the sampled sequences come first
    np.testing.assert_allclose(found[:, -1], [value(text) if "_" not in text else 0 for text in decode(TOKEN_IDS)])


def test_a_batch_size_cuts_the_texts():
    function = Recorder()
    objective = sg.Objective(function, decode, batch_size=2)
    np.testing.assert_array_equal(objective.values(TOKEN_IDS), [4, 4, 4, 4])
    assert function.calls == [decode(TOKEN_IDS[:2]), decode(TOKEN_IDS[3:])]


def test_fit_calls_the_function_once_per_generator_step_and_once_before():
    function = Recorder()
    gan = model(sg.Objective(function, decode), {}, generator_steps=2)
    assert len(function.calls) == 1
    gan.fit(DATA, steps_per_epoch=3, verbose=0)
    assert len(function.calls) == 1 + 2 * 3


@pytest.mark.parametrize(
    "function",
    [
        lambda completions: [1.0] * len(completions),
        lambda completions, prompts: [1.0] * len(completions),
        lambda prompts, completions, **columns: [1.0] * len(completions),
        lambda completions, temperature=1.0: [temperature] * len(completions),
        lambda **columns: [1.0] * len(columns["completions"]),
        functools.partial(lambda completions, factor: [factor] * len(completions), factor=1.0),
    ],
)
def test_a_function_takes_prompts_and_other_columns_or_not(function):
    np.testing.assert_array_equal(sg.Objective(function, decode, name="one").values(TOKEN_IDS), np.ones(4))


def test_a_tokenizer_or_an_object_with_decode_decodes():
    corpus = sg.TextCorpus(["the cat sees the dog", "a dog sees a cat"] * 20, batch_size=8)
    rows, expected = corpus.validation_token_ids[:3], corpus.decode(corpus.validation_token_ids[:3])
    for decoder in (corpus, corpus.decode, corpus.tokenizer, corpus.tokenizer.decode):
        function = Recorder()
        sg.Objective(function, decoder).values(rows)
        assert function.calls == [list(dict.fromkeys(expected))]


# Prompts


@pytest.mark.parametrize("compiled", [False, True])
def test_each_completion_comes_with_the_prompt_of_its_condition(compiled):
    network, sequences, number = conditional.generator(3), all_sequences(3, 3, end_token_id=0), 300
    sources, chosen = conditional.SOURCES, sequences[[1, 7, 12]]
    estimator = sg.MonteCarloRollout(number, chunk_size=32, reward=sg.Objective(with_prompt, decode, prompts_of))
    found, deviations = estimate(estimator, chosen, condition_on(network, sources), compiled=compiled), []
    for b, t in np.ndindex(3, 3):
        p = sequence_probabilities(condition_on(network, np.repeat(sources[[b]], len(sequences), axis=0)), sequences)
        r = np.array([value(prompts_of(sources[[b]])[0] + text) for text in decode(sequences)])
        alike = (sequences[:, : t + 1] == chosen[b, : t + 1]).all(axis=1)
        weights = p[alike] / p[alike].sum()
        mean = weights @ r[alike] * (chosen[b, t] >= 0)
        deviations.append(np.sqrt(weights @ (r[alike] - weights @ r[alike]) ** 2))
        assert abs(found[b, t] - mean) < 4.5 * deviations[-1] / np.sqrt(number) + 1e-4
    assert max(deviations) > 0.5


@pytest.mark.parametrize("compiled", [False, True])
def test_row_r_of_more_rows_than_conditions_has_the_prompt_of_condition_r_mod_their_number(compiled):
    policy = condition_on(conditional.generator(3), conditional.SOURCES)
    rows = all_sequences(3, 3, end_token_id=0)[[1, 7, 12, 3, 4, 12]]
    found = estimate(
        sg.TerminalReward(reward=sg.Objective(with_prompt, decode, prompts_of)), rows, policy, None, compiled
    )
    expected = with_prompt(decode(rows), prompts_of(conditional.SOURCES) * 2)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6)


def test_equal_texts_are_told_apart_by_their_prompts_alone():
    function = Recorder()
    objective = sg.Objective(function, decode, lambda condition: [f"label {label}" for label in condition["label"]])
    rows = TOKEN_IDS[[0, 0, 1, 0, 0, 1]]  # row r belongs to condition r mod 3
    objective.values(rows, {"label": np.array([4, 4, 5])})
    assert function.calls == [decode(TOKEN_IDS[[0, 1]])]
    assert function.prompts == [["label 4", "label 5"]]
    objective.values(rows, {"label": np.array([4, 6, 5])})
    assert function.calls[1] == decode(TOKEN_IDS[[0, 0, 1]])
    assert function.prompts[1] == ["label 4", "label 6", "label 5"]


def test_a_conditional_model_is_trained_with_prompts_and_a_nest_as_condition():
    encoders = [
        sg.ConcatenateEncoder(
            {"label": sg.LabelEncoder(3, 4, seed=1), "source": conditional.encoder(seed=seed)}, 5, seed=1
        )
        for seed in (2, 3)
    ]
    networks = conditional.generator(encoder=encoders[0]), conditional.discriminator(encoder=None)
    function = Recorder()
    objective = sg.Objective(function, decode, lambda condition: prompts_of(condition["source"]))
    reward = sg.WeightedSum([("log_odds", 1.0), (objective, 0.5)])
    gan = sg.SeqGAN(*networks, sg.MonteCarloRollout(2, update_rate=0.5, reward=reward), batch_size=4)
    with pytest.warns(UserWarning, match="^The model cannot be saved"):
        gan.compile()
    sources, targets = conditional.data(60)
    condition = {"label": np.arange(60) % 3, "source": sources}
    history = gan.fit((condition, targets), steps_per_epoch=1, verbose=0).history
    assert np.isfinite(history["objective_recorder"]).all()
    (prompts,) = function.prompts
    assert set(prompts) == set(prompts_of(sources[:4]))
    pairs = list(zip(prompts, function.calls[0], strict=True))
    assert len(pairs) == len(set(pairs))


def test_without_conditions_there_are_no_prompts():
    function = Recorder()
    gan = model(sg.Objective(function, decode, prompts_of), {})
    gan.fit(DATA, steps_per_epoch=1, verbose=0)
    assert function.prompts == [None, None]
