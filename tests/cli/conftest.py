"""Runs that the tests of the command line share."""

import shutil
import signal

import pytest
import tiny_runs


@pytest.fixture(autouse=True)
def signals():
    """Restores the signal handlers that `train` replaces."""
    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield
    for name, handler in handlers.items():
        signal.signal(name, handler)


@pytest.fixture(scope="module")
def oracle_directory(base):
    """A finished run on an oracle; not to be written to."""
    return tiny_runs.oracle_run(base).directory


@pytest.fixture(scope="module")
def text(base):
    """A finished run on text, and what its command printed; not to be written to."""
    return tiny_runs.text_run(base)


@pytest.fixture
def copies(base, text, tmp_path):
    """Copies of the finished runs, to be written to: (on an oracle, on text)."""
    return tuple(
        shutil.copytree(directory, tmp_path / name)
        for name, directory in (("on-oracle", tiny_runs.oracle_run(base).directory), ("on-text", text.directory))
    )
