"""The answers of a SavedModel, compared with the SeqGAN that was exported, its tokenizer, and numpy."""

import numpy as np
import pytest
import small_models
import tensorflow as tf
from small_models import BYTE_LENGTH, OUTPUTS, PLAIN_LENGTH, PLAIN_VOCABULARY, TEXT_LENGTH, pad

from seqgan_tf.core.validation import InputError
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.serving.signatures import Signatures

UNKNOWN = 1


def seeds(seed, rows, first=0):
    return [[seed, i] for i in range(first, first + rows)]


def settings(rows, temperature=1.0, top_p=1.0):
    return {"temperature": [temperature] * rows, "top_p": [top_p] * rows}


def generate(model, rows=11, seed=4, **warping):
    return model.ask("generate", seed=seeds(seed, rows), **settings(rows, **warping))


# generate


@pytest.mark.parametrize(
    "warping",
    [{}, {"temperature": 0.4}, {"temperature": 3.0}, {"top_p": 0.5}, {"temperature": 1.7, "top_p": 0.8}],
    ids=str,
)
def test_generate_draws_what_the_seqgan_draws(text_model, plain_model, byte_model, warping):
    for model, suppressed in ((text_model, [UNKNOWN]), (plain_model, []), (byte_model, [])):
        expected = model.gan.generate(23, seed=4, suppress_tokens=suppressed, **warping)
        answer = generate(model, 23, **warping)
        np.testing.assert_array_equal(answer["token_ids"], expected)
        assert len(np.unique(expected, axis=0)) > 4
        assert list(answer["error"]) == [b""] * 23


def test_the_unknown_token_is_never_drawn_although_it_is_likely(text_model):
    assert (text_model.gan.generate(60, seed=4) == UNKNOWN).any()
    assert not (generate(text_model, 60)["token_ids"] == UNKNOWN).any()


def test_samples_are_padded_after_their_end_token(text_model):
    token_ids = generate(text_model, 60)["token_ids"]
    assert all(text_model.is_sequence(row) for row in token_ids.tolist())
    assert 0 < np.mean(token_ids[:, -1] == -1) < 1


def test_generated_text_is_that_of_the_tokenizer(text_model, byte_model, plain_model):
    for model in (text_model, byte_model):
        answer = generate(model, 40)
        assert [text.decode("utf-8") for text in answer["text"]] == model.tokenizer.decode(answer["token_ids"])
        assert len(set(answer["text"])) > 20
    assert any("\ufffd" in text.decode("utf-8") for text in generate(byte_model, 40)["text"])
    assert set(generate(plain_model)) == {"token_ids", "log_prob", "error"}


def test_generated_log_prob_is_that_of_the_whole_sequence_at_temperature_one(text_model, plain_model):
    for model in (text_model, plain_model):
        answer = generate(model, temperature=2.5, top_p=0.9)
        token_ids = answer["token_ids"]
        np.testing.assert_allclose(answer["log_prob"], model.log_probs(token_ids).sum(axis=1), rtol=1e-5, atol=1e-5)
        scored = model.ask("score_tokens", token_ids=token_ids)
        np.testing.assert_allclose(answer["log_prob"], scored["log_prob"], rtol=1e-5, atol=1e-5)


def test_serving_default_is_generate(text_model):
    answers = [
        text_model.ask(name, seed=seeds(9, 5), **settings(5, 0.7, 0.9)) for name in ("generate", "serving_default")
    ]
    assert set(answers[0]) == set(answers[1])
    for name, values in answers[0].items():
        np.testing.assert_array_equal(values, answers[1][name])


@pytest.mark.parametrize("seed", [[-1, 0], [0, -1], [-(2**31), 2**31 - 1], [-7, -9]])
def test_a_seeds_sign_bit_is_dropped(text_model, seed):
    ordinary = [word & 0x7FFFFFFF for word in seed]
    negative, same = (text_model.ask("generate", seed=[words], **settings(1)) for words in (seed, ordinary))
    np.testing.assert_array_equal(negative["token_ids"], same["token_ids"])
    assert negative["error"] == [b""]


def test_each_row_has_its_own_seed_and_settings(text_model):
    inputs = {
        "seed": [[4, 0], [4, 1], [8, 3], [4, 0], [4, 0], [2, 2]],
        "temperature": [1.0, 0.3, 2.0, 1.0, 2.0, 0.0],
        "top_p": [1.0, 1.0, 0.6, 1.0, 0.4, 1.0],
    }
    answer = text_model.ask("generate", **inputs)
    np.testing.assert_array_equal(answer["token_ids"][0], answer["token_ids"][3])
    for row in range(6):
        alone = text_model.ask("generate", **{name: values[row : row + 1] for name, values in inputs.items()})
        assert alone["error"][0] == answer["error"][row]
        assert alone["text"][0] == answer["text"][row]
        np.testing.assert_array_equal(alone["token_ids"][0], answer["token_ids"][row])
        np.testing.assert_allclose(alone["log_prob"][0], answer["log_prob"][row], rtol=1e-5)
    assert [bool(error) for error in answer["error"]] == [False] * 5 + [True]


# complete


@pytest.mark.parametrize("prompt", ["", "the", "the cat", "a dog sees the cat", "don't", " the\tcat ", "a a a a a a"])
def test_complete_draws_what_the_seqgan_draws(text_model, prompt):
    (ids,) = text_model.tokenizer.encode([prompt])
    drawn = [
        text_model.gan.generate(1, seed=seed, prompt=ids, suppress_tokens=[UNKNOWN], temperature=1.5)
        for seed in range(8)
    ]
    drawn = np.concatenate(drawn)
    inputs = {"text": [prompt] * 8, "seed": [[seed, 0] for seed in range(8)], "temperature": [1.5] * 8}
    answer = text_model.ask("complete", **inputs)
    texts = [text.decode("utf-8") for text in answer["text"]]
    assert texts == text_model.tokenizer.decode(drawn)
    assert all(text.startswith(text_model.tokenizer.decode([ids])[0]) for text in texts)
    assert len(set(texts)) > 1 or len(ids) >= TEXT_LENGTH - 1
    added = text_model.log_probs(drawn)[:, len(ids) :].sum(axis=1)
    np.testing.assert_allclose(answer["log_prob"], added, rtol=1e-5, atol=1e-5)
    assert list(answer["error"]) == [b""] * 8
    assert set(answer) == {"text", "log_prob", "error"}


def test_complete_of_bytes_accepts_any_character(byte_model):
    for prompt in ("né", "\u00a0☃", "<", "the cat's"):
        (ids,) = byte_model.tokenizer.encode([prompt])
        answer = byte_model.ask("complete", text=[prompt], seed=[[3, 0]], temperature=[1.0])
        drawn = byte_model.gan.generate(1, seed=3, prompt=ids)
        assert [answer["text"][0].decode("utf-8")] == byte_model.tokenizer.decode(drawn)
        assert answer["text"][0].decode("utf-8").startswith(prompt)
        assert answer["error"] == [b""]


def test_complete_of_unequal_prompts_in_one_batch(text_model):
    prompts = ["the cat", "", "a dog sees the cat .", "bird", "the cat sees a dog . the"]
    answer = text_model.ask("complete", text=prompts, seed=seeds(5, 5), temperature=[1.0] * 5)
    assert [bool(error) for error in answer["error"]] == [False, False, False, True, True]
    for row, prompt in enumerate(prompts):
        alone = text_model.ask("complete", text=[prompt], seed=[[5, row]], temperature=[1.0])
        assert (alone["text"][0], alone["error"][0]) == (answer["text"][row], answer["error"][row])
        np.testing.assert_allclose(alone["log_prob"][0], answer["log_prob"][row], rtol=1e-5, atol=1e-6)


# score and score_tokens

TEXTS = ["the cat sees a dog .", "the", "", "a bird sees don't", " the  cat ", ", , .", "zebra", "a dog"]


def test_score_is_that_of_the_padded_token_ids(text_model):
    token_ids, cut = text_model.tokenizer.encode_padded(TEXTS, TEXT_LENGTH)
    assert cut == 2  # rows 0 and 3 have exactly T tokens: no end token
    assert (token_ids == text_model.end_token_id).sum(axis=1).tolist() == [0, 1, 1, 0, 1, 1, 1, 1]
    answer = text_model.ask("score", text=TEXTS)
    expected = text_model.log_probs(token_ids)
    np.testing.assert_allclose(answer["log_probs"], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(answer["log_prob"], expected.sum(axis=1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(answer["real_probability"], text_model.real_probabilities(token_ids), rtol=1e-5)
    assert len(np.unique(answer["real_probability"].round(4))) > 4
    by_ids = text_model.ask("score_tokens", token_ids=token_ids)
    for name in ("log_prob", "log_probs", "real_probability", "error"):
        np.testing.assert_array_equal(answer[name], by_ids[name])


def test_score_of_bytes_is_that_of_the_padded_token_ids(byte_model):
    texts = ["the cat", "aaaaaaa", "né né", "", "日本é", "x" * BYTE_LENGTH]
    token_ids, cut = byte_model.tokenizer.encode_padded(texts, BYTE_LENGTH)
    assert cut == 1
    answer = byte_model.ask("score", text=texts)
    np.testing.assert_allclose(answer["log_probs"], byte_model.log_probs(token_ids), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(answer["real_probability"], byte_model.real_probabilities(token_ids), rtol=1e-5)


def test_score_tokens_of_a_model_without_text(plain_model, rng):
    token_ids = rng.integers(0, PLAIN_VOCABULARY, [8, PLAIN_LENGTH], dtype=np.int32)
    token_ids[1, 2:] = token_ids[2, :] = token_ids[3, 4:] = -1
    answer = plain_model.ask("score_tokens", token_ids=token_ids)
    np.testing.assert_allclose(answer["log_probs"], plain_model.log_probs(token_ids), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(answer["log_prob"], plain_model.log_probs(token_ids).sum(axis=1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(answer["real_probability"], plain_model.real_probabilities(token_ids), rtol=1e-5)
    assert list(answer["error"]) == [b""] * 8
    assert set(plain_model.loaded.signatures) == {"generate", "score_tokens", "next_token", "serving_default"}


def test_a_discriminator_whose_logits_have_another_shape_is_refused():
    generator = small_models.on_token_ids()[0].generator
    discriminator = Discriminator(PLAIN_VOCABULARY, 3, 2, widths=[1], filters=[2])
    discriminator.call = lambda token_ids, training=False: tf.zeros([2, 1])
    signatures = Signatures(generator, discriminator)
    with pytest.raises(
        InputError, match=r"`discriminator\(token_ids\)` must be of shape \[B\]\. Received: shape \(2, 1\)"
    ):
        signatures.score_tokens(tf.constant([[1, 2, 3], [1, -1, -1]]))


# next_token


def test_next_token_is_the_softmax_at_the_next_position(text_model, plain_model):
    for model, rows in (
        (text_model, [[], [3], [2, 5, 1, 7], [12, 4, 4, 4, 9]]),
        (plain_model, [[], [0], [6, 0, 3], [1, 2, 3, 4]]),
    ):
        token_ids = pad(rows, model.sequence_length)
        answer = model.ask("next_token", token_ids=token_ids)
        np.testing.assert_allclose(answer["probabilities"], model.next_probabilities(token_ids), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(answer["probabilities"].sum(axis=1), np.ones(4), rtol=1e-5)
        assert list(answer["error"]) == [b""] * 4
        # Computed step by step
        fed, state = model.gan.generator.start_token_id, model.gan.generator.initial_state(1)
        for token in [*rows[3], None]:
            logits, state = model.gan.generator.step(np.array([fed], np.int32), state)
            fed = token
        np.testing.assert_allclose(answer["probabilities"][3], tf.nn.softmax(logits)[0], rtol=1e-5, atol=1e-7)


# No rows, and XLA


@pytest.mark.parametrize("signature", list(OUTPUTS))
def test_a_batch_of_no_rows_has_empty_answers(text_model, signature):
    specs = text_model.loaded.signatures[signature].structured_input_signature[1]
    inputs = {name: np.zeros([0, *spec.shape[1:]], spec.dtype.as_numpy_dtype) for name, spec in specs.items()}
    answer = text_model.ask(signature, **inputs)
    found = {name: (values.dtype, list(values.shape)) for name, values in answer.items()}
    expected = OUTPUTS[signature] | {"error": (object, [])}
    assert found == {name: (np.dtype(dtype), [0, *row]) for name, (dtype, row) in expected.items()}


@pytest.fixture(scope="module")
def compiled_model(tmp_path_factory):
    path = tmp_path_factory.mktemp("compiled") / "words"
    return small_models.Model(path, *small_models.on_words(), jit_compile=True)


def test_answers_with_xla_are_the_same(text_model, compiled_model):
    inputs = {"seed": [*seeds(4, 6), [-3, -4]], "temperature": [1.0, 0.5, 2.0, 1.0, 1.0, 0.0, 1.0]}
    requests = {
        "generate": inputs | {"top_p": [1.0, 1.0, 0.5, 0.9, 1.0, 1.0, 1.0]},
        "complete": inputs | {"text": ["the", "", "a dog", "zebra", "the cat sees", "a", b"\xff"]},
        "score": {"text": TEXTS},
        "next_token": {"token_ids": pad([[], [3], [2, 5, 1, 7], [0]], TEXT_LENGTH)},
    }
    for name, request in requests.items():
        plain, compiled = (model.ask(name, **request) for model in (text_model, compiled_model))
        assert set(plain) == set(compiled)
        for output, values in plain.items():
            if values.dtype == np.float32:
                np.testing.assert_allclose(compiled[output], values, rtol=1e-4, atol=1e-6)
            else:
                np.testing.assert_array_equal(compiled[output], values)
