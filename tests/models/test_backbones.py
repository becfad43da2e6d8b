"""keras-hub models as generators and inside discriminators, with random weights."""

import json
import re
import subprocess
import sys

import hub
import keras
import keras_harness
import numpy as np
import pytest
import tensorflow as tf
from exact import all_sequences, chi_square_p_value, index_of, sequence_probabilities
from hub import V

import seqgan_tf as sg
from seqgan_tf.core import steps
from seqgan_tf.core.losses import adversarial_cross_entropy
from seqgan_tf.core.validation import InputError

pytest.importorskip("keras_hub", reason="needs the extra hub")

TOKEN_IDS = np.array([[2, 6, 4, 1, 3], [3, 5, 0, -1, -1], [0, -1, -1, -1, -1]], np.int32)  # B 3, T 5, V 7
TOKENS = TOKEN_IDS >= 0


def generator(kind="gpt2", sequence_length=5, **settings):
    lm = {name: settings.pop(name) for name in ("vocabulary_size", "num_layers", "dtype") if name in settings}
    settings = {"start_token_id": 0, "end_token_id": 0, "seed": 1} | settings
    return sg.HubGenerator(hub.causal_lm(kind, **lm), sequence_length, **settings)


def discriminator(kind="bert", sequence_length=5, dtype=None, **settings):
    found = sg.HubDiscriminator(hub.backbone(kind, dtype=dtype), sequence_length, **{"seed": 1} | settings)
    found.output_layer.kernel.assign(np.linspace(-2, 3, 6)[:, np.newaxis])
    return found


def logits_by_steps(policy, token_ids):
    """Logits [B, T, V] from one step per token."""
    token, state, found = np.full(len(token_ids), policy.start_token_id), policy.initial_state(len(token_ids)), []
    for position in range(token_ids.shape[1]):
        logits, state = policy.step(token, state)
        found.append(logits)
        token = token_ids[:, position]
    return np.stack(found, axis=1)


def logits_one_by_one(policy, token_ids):
    """Logits of the tokens of each row: the causal LM reads the start token and each prefix, alone and unpadded."""
    found = np.zeros([*token_ids.shape, policy.vocabulary_size])
    for row, position in zip(*np.nonzero(token_ids >= 0), strict=True):
        fed = np.array([[policy.start_token_id, *token_ids[row, :position]]])
        outputs = policy.causal_lm({"token_ids": fed, "padding_mask": np.ones_like(fed)}, training=False)
        found[row, position] = outputs[0, -1]
    return found


# The generator


@pytest.mark.parametrize("kind", [*hub.CACHED, *(pytest.param(kind, marks=pytest.mark.long) for kind in hub.OTHERS)])
def test_step_and_call_give_the_logits_of_the_causal_lm(kind):
    policy = generator(kind, start_token_id=3)
    logits = policy(TOKEN_IDS)
    assert (logits.shape, logits.dtype) == ((3, 5, V), tf.float32)
    assert np.std(logits) > 0.1
    np.testing.assert_allclose(logits_by_steps(policy, TOKEN_IDS)[TOKENS], logits[TOKENS], atol=1e-4)
    np.testing.assert_allclose(logits_one_by_one(policy, TOKEN_IDS)[TOKENS], logits[TOKENS], atol=1e-4)


def test_sizes_can_be_unknown_in_a_graph():
    policy = generator(num_layers=1)
    call = tf.function(policy, [tf.TensorSpec([None, None], tf.int32)])
    np.testing.assert_allclose(call(TOKEN_IDS)[TOKENS], policy(TOKEN_IDS)[TOKENS], atol=1e-5)


def test_dropout_is_on_in_training_alone_and_follows_the_seed():
    first, second = generator(), generator()
    off, on = first(TOKEN_IDS), first(TOKEN_IDS, training=True)
    np.testing.assert_array_equal(off, first(TOKEN_IDS))
    assert np.abs(on - off).max() > 0.1
    np.testing.assert_array_equal(on, second(TOKEN_IDS, training=True))
    assert np.abs(on - generator(seed=2)(TOKEN_IDS, training=True)).max() > 0.1


def test_tokens_of_start_and_end_are_those_of_the_tokenizer():
    with_tokenizer = sg.HubGenerator(hub.causal_lm(preprocessor=hub.preprocessor()), 4)
    assert (with_tokenizer.start_token_id, with_tokenizer.end_token_id) == (0, 0)
    without = sg.HubGenerator(hub.causal_lm(), 4, start_token_id=6)
    assert (without.start_token_id, without.end_token_id) == (6, None)


def test_samples_and_completions_have_the_probabilities_of_the_model():
    policy = generator(sequence_length=3, vocabulary_size=4, num_layers=1)
    sequences = all_sequences(4, 3, end_token_id=0)
    probabilities = sequence_probabilities(policy, sequences)
    np.testing.assert_allclose(probabilities.sum(), 1, rtol=1e-5)
    drawn = sg.sampling.sample(policy, 2000, 3, tf.constant([1, 2]))
    assert chi_square_p_value(index_of(drawn, sequences), probabilities) > 1e-3
    given = np.array([[1, 2, 3], [3, 0, -1]] * 1000, np.int32)
    completed = sg.MonteCarloRollout(1).completions(tf.constant(given), [1, 2], policy, tf.constant([1, 2])).numpy()
    for k, b in np.ndindex(2, 2):
        rows = completed[k, b::2]
        possible = (sequences[:, : k + 1] == given[b, : k + 1]).all(axis=1)
        assert chi_square_p_value(index_of(rows, sequences), probabilities * possible) > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_likelihood_step_lowers_the_nll(dtype):
    policy = generator("llama", dtype=dtype)
    assert {weight.dtype for weight in policy.trainable_variables} == {"float32"}
    logits = policy(TOKEN_IDS)
    assert logits.dtype == tf.float32
    np.testing.assert_allclose(logits_by_steps(policy, TOKEN_IDS)[TOKENS], logits[TOKENS], atol=0.2)
    optimizer = keras.optimizers.Adam(0.01)
    before = [float(steps.likelihood_step(policy, optimizer, tf.constant(TOKEN_IDS))["nll"]) for _ in range(4)]
    assert before == sorted(before, reverse=True)
    assert before[-1] < before[0] - 0.05


# The discriminator


@pytest.mark.parametrize("kind", hub.ENCODERS)
def test_the_logit_is_of_the_mean_over_the_tokens(kind):
    """Each row alone, without padding, through the backbone and NumPy."""
    network = discriminator(kind)
    logits = network(TOKEN_IDS)
    assert (logits.shape, logits.dtype) == ((3,), tf.float32)
    for row, logit in zip(TOKEN_IDS, logits, strict=True):
        fed = row[row >= 0][np.newaxis]
        inputs = {"token_ids": fed, "padding_mask": np.ones_like(fed), "segment_ids": np.zeros_like(fed)}
        outputs = network.backbone({name: inputs[name] for name in network.backbone.input}, training=False)
        outputs = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
        expected = np.mean(outputs[0], axis=0) @ network.output_layer.kernel + network.output_layer.bias
        np.testing.assert_allclose(logit, expected[0], atol=1e-4)
    assert np.std(logits) > 0.1


def test_an_empty_sequence_has_the_logit_of_the_bias():
    network = discriminator()
    network.output_layer.bias.assign([0.5])
    np.testing.assert_array_equal(network(np.full([1, 5], -1)), [0.5])


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_discriminator_step_lowers_the_loss_and_dropout_is_off_when_it_scores(dtype):
    network, optimizer = discriminator(dtype=dtype), keras.optimizers.Adam(0.02)
    scores = network(TOKEN_IDS)
    np.testing.assert_array_equal(network(TOKEN_IDS), scores)
    assert np.abs(network(TOKEN_IDS, training=True) - scores).max() > 0.1
    real, generated = tf.constant(TOKEN_IDS), tf.constant([[1, 2, 2, 2, 2]] * 3)

    def loss():
        return adversarial_cross_entropy(network(real), network(generated))

    before = loss()
    for _ in range(8):
        steps.discriminator_step(network, optimizer, real, generated)
    assert loss() < before - 0.1


# LoRA


def test_lora_trains_few_weights_of_both():
    policy, network = generator("llama"), discriminator()
    policy.causal_lm.backbone.enable_lora(2)
    network.backbone.enable_lora(2)
    assert len(policy.trainable_variables) == 8  # two layers, query and value, two factors
    assert len(network.trainable_variables) == 8  # one layer, query and value, two factors and a bias; the last layer
    tokens, optimizer = tf.constant(TOKEN_IDS), keras.optimizers.Adam(0.05)
    frozen = [np.array(weight) for weight in policy.non_trainable_variables]
    nll = [float(steps.likelihood_step(policy, optimizer, tokens)["nll"]) for _ in range(5)]
    assert nll[-1] < nll[0] - 0.02
    for before, after in zip(frozen, policy.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(after, before)
    np.testing.assert_allclose(logits_by_steps(policy, TOKEN_IDS)[TOKENS], policy(TOKEN_IDS)[TOKENS], atol=1e-4)
    logs = steps.discriminator_step(network, keras.optimizers.Adam(0.05), tokens, tokens)
    assert np.isfinite(logs["discriminator_loss"])


def test_a_file_holds_the_weights_that_lora_has_changed(tmp_path):
    policy, optimizer = generator("llama"), keras.optimizers.Adam(0.1)
    before = policy(TOKEN_IDS)
    policy.causal_lm.backbone.enable_lora(2)
    for _ in range(2):  # the first changes one of the two factors alone, which is 0 at first
        steps.likelihood_step(policy, optimizer, tf.constant(TOKEN_IDS))
    policy.save(tmp_path / "policy.keras")
    loaded = keras.saving.load_model(tmp_path / "policy.keras")
    assert np.abs(loaded(TOKEN_IDS) - before).max() > 0.1
    np.testing.assert_allclose(loaded(TOKEN_IDS), policy(TOKEN_IDS), atol=1e-5)
    loaded.causal_lm.backbone.enable_lora(2)
    assert len(loaded.trainable_variables) == 8


# Files


@pytest.mark.parametrize("kind", ["gpt2", pytest.param("gemma3", marks=pytest.mark.long)])
def test_a_generator_is_saved_and_loaded(kind, tmp_path, recwarn):
    policy = generator(kind, name="policy")
    keras_harness.check_config_round_trip(policy)
    keras_harness.check_save_and_load(policy, TOKEN_IDS, tmp_path)
    assert not [warning for warning in recwarn if "compile" in str(warning.message)]


def test_a_discriminator_is_saved_and_loaded(tmp_path):
    network = discriminator(dropout=0.3)
    keras_harness.check_config_round_trip(network)
    keras_harness.check_save_and_load(network, TOKEN_IDS, tmp_path)


# A whole SeqGAN


@pytest.fixture(scope="module")
def gan():
    """Trained for a round with a lagging roll-out policy, on a vocabulary of 7 and sequences of 2 tokens."""
    lm = hub.causal_lm(num_layers=1, preprocessor=hub.preprocessor())
    made = sg.SeqGAN(
        sg.HubGenerator(lm, 2, seed=1),
        sg.HubDiscriminator(hub.backbone("distilbert"), 2, seed=1),
        sg.MonteCarloRollout(2, update_rate=0.5),
        batch_size=3,
        discriminator_steps=1,
    )
    made.compile(generator_optimizer=keras.optimizers.Adam(0.01))
    before = [weight.copy() for weight in made.generator.get_weights() + made.discriminator.get_weights()]
    logs = made.fit(TOKEN_IDS[:, :2], epochs=1, steps_per_epoch=1, verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())
    after = made.generator.get_weights() + made.discriminator.get_weights()
    changed = [np.any(a != b) for a, b in zip(after, before, strict=True)]
    assert np.mean(changed) > 0.8
    return made


def test_it_is_saved_and_loaded_with_its_tokenizer_left_out(gan, tmp_path):
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate(6, seed=1), gan.generate(6, seed=1))
    np.testing.assert_array_equal(loaded.discriminator(TOKEN_IDS[:, :2]), gan.discriminator(TOKEN_IDS[:, :2]))
    assert loaded.generator.causal_lm.preprocessor is None
    assert (loaded.generator.start_token_id, loaded.generator.end_token_id) == (0, 0)


WITHOUT_HUB = """
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("keras_hub", "tensorflow_text"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
import tensorflow as tf

served = tf.saved_model.load(sys.argv[1]).signatures["generate"]
seeds = tf.constant([[1, i] for i in range(6)])
print(served(seed=seeds, temperature=tf.ones(6), top_p=tf.ones(6))["token_ids"].numpy().tolist())
with tf.compat.v1.Session(graph=tf.Graph()) as session:  # as a server loads it
    graph = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1]).signature_def["score_tokens"]
    given = {graph.inputs["token_ids"].name: [[0, -1], [1, 2]]}
    for name in ("log_prob", "real_probability"):
        print(session.run(graph.outputs[name].name, given).tolist())

import keras
import seqgan_tf as sg

for make in (lambda: keras.saving.load_model(sys.argv[2]), lambda: sg.HubDiscriminator(None, 4)):
    try:
        make()
    except sg.InputError as error:
        print(error)
"""


def test_it_is_exported_and_served_without_keras_hub(gan, tmp_path):
    path = gan.export(tmp_path / "served")
    gan.generator.save(tmp_path / "generator.keras")
    command = [sys.executable, "-c", WITHOUT_HUB, path, tmp_path / "generator.keras"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    drawn, log_probs, probabilities, *errors = done.stdout.splitlines() or [done.stderr[-2000:], "[]", "[]"]
    assert drawn == str(gan.generate(6, seed=1).tolist())
    given = np.array([[0, -1], [1, 2]])
    expected = np.log(sequence_probabilities(gan.generator, given))
    np.testing.assert_allclose(json.loads(log_probs), expected, atol=1e-5)
    np.testing.assert_allclose(json.loads(probabilities), tf.sigmoid(gan.discriminator(given)), atol=1e-5)
    assert errors == [
        f"`{name}` needs keras_hub: pip install 'seqgan-tf[hub]'" for name in ("HubGenerator", "HubDiscriminator")
    ]


@pytest.mark.long
@pytest.mark.parametrize("runtime", ["onnxruntime", "ai_edge_litert.interpreter"])
def test_next_tokens_are_predicted_without_tensorflow(runtime, tmp_path):
    """By `call`: neither format has the operation that updates the cache."""
    runtime = pytest.importorskip(runtime)
    policy = generator(sequence_length=3, num_layers=1)
    gan = sg.SeqGAN(policy, sg.Discriminator(V, 3, widths=[1], filters=[2]), sg.TerminalReward())
    given = np.array([[5, 4, -1], [6, -1, -1]], np.int32)
    if hasattr(runtime, "InferenceSession"):
        session = runtime.InferenceSession(str(gan.export(tmp_path / "m", format="onnx") / "next_token.onnx"))
        probabilities = session.run(["probabilities"], {"token_ids": given})[0]
    else:
        interpreter = runtime.Interpreter(model_path=str(gan.export(tmp_path / "m", format="litert") / "model.tflite"))
        probabilities = interpreter.get_signature_runner("next_token")(token_ids=given)["probabilities"]
    expected = tf.nn.softmax([policy(given)[0, 2], policy(given)[1, 1]])
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


# Errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: sg.HubGenerator(hub.backbone("gpt2"), 4),
            "`causal_lm` must have `call_with_cache(token_ids, cache, cache_update_index)`, such as a "
            "`keras_hub.models.GPT2CausalLM`. Received: an object of the class GPT2Backbone",
        ),
        (
            lambda: generator(sequence_length=10),
            "`sequence_length` must be at most 9, the max_sequence_length of the backbone. Received: 10",
        ),
        (lambda: generator(sequence_length=1), "`sequence_length` must be at least 2. Received: 1"),
        (
            lambda: generator(start_token_id=None),
            "`start_token_id` must be given for a causal LM whose tokenizer has no start token, or that has no "
            "tokenizer. Received: None",
        ),
        (lambda: generator(start_token_id=7), "`start_token_id` must be in [0, 7), the vocabulary. Received: 7"),
        (lambda: generator(end_token_id=-1), "`end_token_id` must be in [0, 7), the vocabulary. Received: -1"),
        (
            lambda: generator(dtype="bfloat16"),
            "`dtype` must be 'float32', 'mixed_bfloat16', 'mixed_float16' or 'float64'. Received: 'bfloat16'",
        ),
        (
            lambda: generator()(np.zeros([2, 6], np.int32)),
            "`token_ids` must be at most 5 long, the generator's sequence_length. Received: shape (2, 6)",
        ),
        (
            lambda: generator()(np.array([[7, 1]])),
            "`token_ids` must be in [0, 7), the vocabulary, or -1 for padding. Received: 7",
        ),
        (
            lambda: sg.HubDiscriminator(keras.Sequential(), 4),
            "`backbone` must be a keras-hub backbone for text, such as a `keras_hub.models.BertBackbone`. "
            "Received: an object of the class Sequential",
        ),
        (
            lambda: discriminator("fnet"),
            "`backbone` must take `token_ids` and `padding_mask`, and no images or other texts. "
            "Received: FNetBackbone with the inputs ['segment_ids', 'token_ids']",
        ),
        (
            lambda: discriminator(sequence_length=10),
            "`sequence_length` must be at most 9, the max_sequence_length of the backbone. Received: 10",
        ),
        (lambda: discriminator(dropout=1.0), "`dropout` must be in [0, 1). Received: 1.0"),
        (
            lambda: sg.SeqGAN(generator(vocabulary_size=8), discriminator(), sg.TerminalReward()),
            "generator and discriminator must have the same `vocabulary_size`. Received: 8 and 7",
        ),
        (
            lambda: sg.SeqGAN(generator(sequence_length=4), discriminator(), sg.TerminalReward()),
            "`generator` must have a `sequence_length` of at least 5, the length of the sequences. Received: 4",
        ),
    ],
)
def test_what_cannot_work_is_refused(make, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        make()


def test_samples_longer_than_the_cache_are_refused():
    from seqgan_tf.core.generation import generate

    message = "`generator` must have a `sequence_length` of at least 6, the length of the sequences. Received: 5"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        generate(generator(), 2, 6, seed=1)


def test_a_lagging_copy_of_a_generator_with_lora_is_refused():
    policy = generator("llama")
    policy.causal_lm.backbone.enable_lora(2)
    message = (
        "`generator` must be copied by `from_config` with all its weights for an `update_rate` above 0, which a "
        f"generator with LoRA is not. Received: {len(policy.weights) - 8} of {len(policy.weights)} weights"
    )
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        sg.SeqGAN(policy, discriminator(), sg.MonteCarloRollout(2, update_rate=0.5))
