import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tiny_runs

from seqgan_tf.core.validation import InputError
from seqgan_tf.runs import devices
from seqgan_tf.runs.directory import create_run, open_run
from seqgan_tf.runs.rows import read_rows


def settings(base):
    """Those of the tiny run, without dropout, whose masks are those of each replica."""
    tiny = tiny_runs.oracle_settings(base)
    return dataclasses.replace(
        tiny,
        generator=dataclasses.replace(tiny.generator, dropout=0.0),
        discriminator=dataclasses.replace(tiny.discriminator, dropout=0.0),
        pretrain=dataclasses.replace(tiny.pretrain, epochs=1, discriminator_steps=2),
        adversarial=dataclasses.replace(tiny.adversarial, rounds=2, evaluate_every=1),
    )


def rows_of(directory, count=5):
    rows = read_rows(directory / "metrics.csv", count)
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def assert_close(rows, others):
    for row, other in zip(rows, others, strict=True):
        assert row.keys() == other.keys()
        for name, value in row.items():
            if isinstance(value, str):
                assert other[name] == value
            else:
                np.testing.assert_allclose(other[name], value, rtol=1e-4, atol=1e-4, err_msg=name)


def test_a_mirrored_run_and_one_that_is_resumed_on_one_device_equal_the_run_on_one(base, tmp_path):
    whole = create_run(tmp_path / "one", settings(base))
    list(whole.training().run())
    run = create_run(tmp_path / "mirrored", settings(base), strategy=devices.strategy_of("mirrored"))
    for progress in run.training().run():
        if progress.phase == "adversarial" and progress.step == 1:
            break
    shutil.copytree(tmp_path / "mirrored", tmp_path / "resumed")
    for folder, strategy in (("mirrored", "mirrored"), ("resumed", "one")):
        again = open_run(tmp_path / folder, strategy=devices.strategy_of(strategy))
        list(again.training(again.restore()).run())
        assert_close(rows_of(tmp_path / "one"), rows_of(tmp_path / folder))


def test_one_device_cannot_be_mirrored(monkeypatch):
    only = tf.config.list_logical_devices("CPU")[:1]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: only)
    with pytest.raises(InputError) as error:
        devices.strategy_of.__wrapped__("mirrored")
    assert str(error.value) == (f"--strategy mirrored needs at least two devices of a kind. Received: {only[0].name}")


def test_one_is_no_strategy():
    assert devices.strategy_of("one") is None
