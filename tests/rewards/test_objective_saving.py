"""A model with an objective is saved where its functions are registered, and refused otherwise."""

import functools

import keras
import pytest
from objectives import Recorder, decode, model, policy, prompts_of, value, values
from tiny import DATA, assert_same

import seqgan_tf as sg


@keras.saving.register_keras_serializable("test_objective")
def registered(completions, prompts=None, **columns):
    return [value(text) for text in completions]


@keras.saving.register_keras_serializable("test_objective")
def registered_decode(token_ids):
    return decode(token_ids)


def text_model(reward, vocabulary_size):
    discriminator = sg.Discriminator(vocabulary_size, 6, 3, widths=[1, 2], filters=[3, 2], seed=1)
    estimator = sg.MonteCarloRollout(2, reward=reward)
    return sg.SeqGAN(policy(vocabulary_size), discriminator, estimator, batch_size=3, discriminator_steps=2)


@pytest.mark.parametrize("level", ["word", "char", "bpe"])
def test_a_saved_model_with_a_registered_function_and_a_tokenizer_goes_on_as_before(level, tmp_path, recwarn):
    corpus = sg.TextCorpus(["the cat sees, the dog.", "a dog sees a cat"] * 20, level=level, batch_size=8)
    for decoder in (corpus.tokenizer, corpus.decode):
        objective = sg.Objective(registered, decoder, decode_condition=registered_decode, name="own", batch_size=9)
        gan = text_model(sg.WeightedSum([("log_odds", 1.0), (objective, 0.5)]), corpus.vocabulary_size)
        gan.compile()
        gan.save(tmp_path / "gan.keras")
        loaded = keras.saving.load_model(tmp_path / "gan.keras")
        ((_, _), (copy, weight)) = loaded.reward_estimator.sequence_reward.terms
        assert (copy.function, copy.name, copy.batch_size, weight) == (registered, "own", 9, 0.5)
        assert copy.decode.decode(corpus.validation_token_ids) == corpus.decode(corpus.validation_token_ids)
        assert copy.decode_condition is registered_decode
        data = corpus.train_token_ids[:, :6]
        histories = [each.fit(data, steps_per_epoch=2, verbose=0).history for each in (gan, loaded)]
        assert histories[0] == histories[1]
        assert_same(gan.get_weights(), loaded.get_weights())
    assert [w for w in recwarn if "cannot be saved" in str(w.message)] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"function": values}, "`function` must be registered with .* to save .* Received: values, which is not"),
        (
            {"function": lambda completions: [1.0] * len(completions), "name": "one"},
            "`function` must be registered with .* Received: <lambda>, which is not",
        ),
        ({"function": Recorder()}, "`function` must be registered with .* Received: recorder, which is not"),
        (
            {"function": functools.partial(values)},
            "`function` must be registered with .* Received: partial, which is not",
        ),
        ({"decode": decode}, "`decode` must be registered with .* Received: decode, which is not"),
        (
            {"decode_condition": prompts_of},
            "`decode_condition` must be registered with .* Received: prompts_of, which is not",
        ),
    ],
)
def test_a_function_that_is_not_registered_is_said_by_compile_and_refused_by_save(arguments, message, tmp_path):
    gan = model(sg.Objective(**{"function": registered, "decode": registered_decode} | arguments))
    with pytest.warns(UserWarning, match=f"^The model cannot be saved. {message}$"):
        gan.compile()
    gan.fit(DATA, steps_per_epoch=1, verbose=0)
    with pytest.raises(sg.InputError, match=f"^{message}$"):
        gan.save(tmp_path / "gan.keras")
    assert list(tmp_path.iterdir()) == []
    gan.save_weights(tmp_path / "gan.weights.h5")


def test_weights_of_an_exported_model_do_not_need_the_objective(tmp_path):
    gan = model(sg.Objective(values, decode))
    assert gan.export(tmp_path / "served").is_dir()


@pytest.mark.parametrize(
    "name", ["test_objective>missing", "exec", "os.system", "seqgan_tf>Generator", 3, {"module": "os"}]
)
def test_a_file_names_registered_functions_alone(name):
    config = {"function": name, "decode": {"function": "test_objective>registered_decode"}, "decode_condition": None}
    message = (
        r"^the objective needs the function .*: import the module that registers it .* Received: no such function$"
    )
    with pytest.raises(sg.InputError, match=message):
        sg.Objective.from_config(config | {"name": "a", "batch_size": None})
    config["function"], config["decode"] = "test_objective>registered", {"function": name}
    with pytest.raises(sg.InputError, match=message):
        sg.Objective.from_config(config | {"name": "a", "batch_size": None})
