"""Every test: TensorFlow keeps its start-up lines to itself. This must come before its import."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)
