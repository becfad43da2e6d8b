"""Checks that every Keras layer and model of the package must pass."""

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

POLICIES = {"mixed_bfloat16": 0.1, "mixed_float16": 0.02}
"""{dtype policy: largest error, relative to the largest output of float32}."""


def check_config_round_trip(model: keras.Layer) -> keras.Layer:
    """The config is plain JSON, and an equal layer can be made from it: returned, with its own initial weights."""
    config = model.get_config()
    copy = type(model).from_config(json.loads(json.dumps(config)))
    assert copy.get_config() == config
    registered = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert type(registered) is type(model)
    assert registered.get_config() == config
    if copy.built:
        assert [weight.shape for weight in copy.weights] == [weight.shape for weight in model.weights]
    return copy


def check_save_and_load(model: keras.Layer, inputs: np.ndarray, tmp_path: Path) -> keras.Model:
    """A `.keras` file keeps config, weights, outputs and the number of trainable variables. Returns the loaded model.

    A layer that is not a model is saved as the only layer of one.
    """
    layer = model
    if not isinstance(model, keras.Model):
        model = keras.Sequential([keras.Input(inputs.shape[1:], dtype=str(inputs.dtype)), model])
    expected = model(inputs)
    model.save(tmp_path / "saved.keras")
    loaded = keras.saving.load_model(tmp_path / "saved.keras")
    found = loaded if layer is model else loaded.layers[0]
    assert type(found) is type(layer)
    assert found.get_config() == layer.get_config()
    assert len(loaded.trainable_variables) == len(model.trainable_variables)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(theirs, ours)
    np.testing.assert_array_equal(loaded(inputs), expected)
    return loaded


def check_dtype_policies(
    make: Callable[[str], keras.Layer], inputs: np.ndarray, output_dtype: str | None = "float32"
) -> None:
    """Under mixed precision the variables stay float32, and the outputs are close to those of float32.

    Args:
        make: function of a dtype policy: a layer, with the same weights for every policy.
        inputs: a batch.
        output_dtype: dtype of the outputs. None: the compute dtype of the layer.
    """
    exact = np.asarray(make("float32")(inputs))
    assert exact.dtype == np.float32
    for policy, tolerance in POLICIES.items():
        layer = make(policy)
        outputs = layer(inputs)
        assert layer.compute_dtype == policy.removeprefix("mixed_")
        assert {weight.dtype for weight in layer.weights} == {"float32"}
        assert keras.backend.standardize_dtype(outputs.dtype) == (output_dtype or layer.compute_dtype)
        error = np.abs(np.asarray(outputs, np.float32) - exact).max() / np.abs(exact).max()
        assert 0 < error < tolerance, policy
