"""Gradients of networks, compared with finite differences."""

import numpy as np
import pytest
import tensorflow as tf


def numeric_gradient(function, variable, count=6, epsilon=1e-3):
    """Central differences of a scalar function for some elements of a variable: {index: value}."""
    value, found = variable.numpy(), {}
    indices = [np.unravel_index(i, value.shape) for i in np.linspace(0, value.size - 1, count).astype(int)]
    for index in indices:
        sides = []
        for sign in (1, -1):
            changed = value.copy()
            changed[index] += sign * epsilon
            variable.assign(changed)
            sides.append(float(function()))
        found[tuple(index)] = (sides[0] - sides[1]) / (2 * epsilon)
    variable.assign(value)
    return found


def assert_gradients(function, network):
    """Those of all weights of the network, its encoder's included, are finite differences; none is 0 everywhere."""
    function = tf.function(function)
    with tf.GradientTape() as tape:
        value = function()
    variables = network.trainable_variables
    names = {v.path for v in network.encoder.trainable_variables}
    assert names <= {v.path for v in variables}
    for variable, gradient in zip(variables, tape.gradient(value, [v.value for v in variables]), strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        for index, expected in numeric_gradient(function, variable).items():
            assert gradient[index] == pytest.approx(expected, rel=0.05, abs=2e-3), variable.path
    encoders = tape_norms(function, network.encoder)
    assert min(encoders) > 0


def tape_norms(function, network):
    with tf.GradientTape() as tape:
        value = function()
    gradients = tape.gradient(value, [v.value for v in network.trainable_variables])
    return [float(tf.norm(tf.convert_to_tensor(gradient))) for gradient in gradients]
