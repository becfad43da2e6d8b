"""Every test: TensorFlow keeps its start-up lines to itself. This must come before its import."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import hypothesis
import numpy as np
import pytest
import tiny_runs
import two_devices

two_devices.configure()
# The same examples in every run, and no files.
hypothesis.settings.register_profile(
    "seqgan_tf",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("seqgan_tf")


@pytest.fixture(scope="session", autouse=True)
def two_batches_drawn_at_once():
    """The steps of the discriminator draw as many sequences at once as two batches of a tiny run have."""
    from seqgan_tf.core import adversarial

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adversarial, "DRAWN_AT_ONCE", 8)
        yield


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


@pytest.fixture
def run(capfd):
    """Runs a command in this process: (exit code, stdout, stderr), the writes of TensorFlow's C++ part included."""

    def run(*arguments):
        from seqgan_tf.cli.main import main

        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def refused(run):
    """Runs a command that must be refused in one line; returns the line."""

    def refused(*arguments):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("seqgan-tf: ")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert "Traceback" not in err
        return err

    return refused
