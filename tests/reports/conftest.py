"""The states of runs that the tests of reports share."""

import pytest
from evaluations import STATES

from seqgan_tf.runs.directory import open_run


@pytest.fixture(scope="module")
def states(base):
    """Function that opens a run and restores one of its states."""
    cache = {}

    def state(directory, name):
        if (directory, name) not in cache:
            run = open_run(directory)
            run.restore(pretrained=name == STATES[0])
            cache[directory, name] = run
        return cache[directory, name]

    return state
