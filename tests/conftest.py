"""Every test: TensorFlow keeps its start-up lines to itself. This must come before its import."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import pytest
import tiny_runs


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """The folder in which the tiny runs are made."""
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="session")
def whole(base):
    """The tiny run on an oracle, never interrupted; not to be written to."""
    return tiny_runs.oracle_run(base)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
