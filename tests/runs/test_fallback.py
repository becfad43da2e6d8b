"""Checkpoints that are damaged, missing, not finite, or written by two processes: what is kept, and what is said."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import tiny_runs

from seqgan_tf.core.validation import InputError
from seqgan_tf.runs import checkpoint_files
from seqgan_tf.runs.checkpoints import DivergedError
from seqgan_tf.runs.directory import load_run, open_run


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of the finished run."""
    return shutil.copytree(whole.directory, tmp_path / "copy")


def damage(directory, number, kind, how):
    """Damages one file of a checkpoint."""
    (path,) = (directory / "checkpoints").glob(f"ckpt-{number}.{kind}*")
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "zeroed": bytes(len(content))}[how])


@pytest.mark.parametrize("kind", ["index", "data"])
@pytest.mark.parametrize("how", ["empty", "cut", "zeroed"])
def test_the_checkpoint_before_a_damaged_one_is_read(kind, how, copy, whole):
    newest, before = checkpoint_files.numbered(copy / "checkpoints")
    damage(copy, newest, kind, how)
    run = open_run(copy)
    state = run.restore()
    (note,) = state.notes
    assert f"ckpt-{newest}: expected a checkpoint of this run. Received: a damaged or foreign file" in note
    assert note.endswith(f"The checkpoint before it was read: {copy / 'checkpoints'}/ckpt-{before}")
    steps = {phase: int(step) for phase, step in state.steps.items()}
    phase, step = next((phase, steps[phase]) for phase in reversed(steps) if steps[phase])
    assert tiny_runs.same(tiny_runs.weights(run.gan), whole.states[phase, step])
    assert state.rows == whole.rows[: len(state.rows)]


def test_a_run_resumed_from_the_checkpoint_before_ends_as_the_whole_one(copy, whole):
    newest, _ = checkpoint_files.numbered(copy / "checkpoints")
    damage(copy, newest, "data", "cut")
    run = open_run(copy)
    training = run.training(run.restore())
    list(training.run())
    assert tiny_runs.same(tiny_runs.weights(run.gan), whole.states[list(whole.states)[-1]])
    assert [row["nll_test"] for row in training.state.rows] == [row["nll_test"] for row in whole.rows]
    again = open_run(copy)
    assert again.restore().notes == []


def test_without_its_list_of_checkpoints_a_run_is_read(copy, whole):
    (copy / "checkpoints" / "checkpoint").unlink()
    run = open_run(copy)
    assert run.restore().notes == []
    assert tiny_runs.same(tiny_runs.weights(run.gan), tiny_runs.weights(whole.gan))


def test_where_all_are_damaged_the_newest_is_named(copy):
    newest, before = checkpoint_files.numbered(copy / "checkpoints")
    for number in (newest, before):
        damage(copy, number, "index", "cut")
    with pytest.raises(InputError, match=rf"ckpt-{newest}: expected a checkpoint of this run"):
        open_run(copy).restore()


def test_load_run_warns_of_a_damaged_checkpoint(copy):
    newest, _ = checkpoint_files.numbered(copy / "checkpoints")
    damage(copy, newest, "index", "empty")
    with pytest.warns(UserWarning, match=f"ckpt-{newest}: expected a checkpoint"):
        load_run(copy)


def test_two_checkpoints_are_kept_and_damaged_later_ones_removed(copy):
    newest, _ = checkpoint_files.numbered(copy / "checkpoints")
    for suffix in ("index", "data-00000-of-00001"):
        (copy / "checkpoints" / f"ckpt-{newest + 7}.{suffix}").write_bytes(b"damaged")
    state = open_run(copy).restore()
    assert len(state.notes) == 1
    state.save()
    assert checkpoint_files.numbered(copy / "checkpoints") == [newest + 1, newest]
    assert not list((copy / "checkpoints").glob(f"ckpt-{newest + 7}*"))
    assert (copy / "checkpoints" / "pretrained.index").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_not_saved_and_not_read(value, copy):
    run = open_run(copy)
    state = run.restore()
    bias = run.gan.generator.projection.bias
    bias.assign(np.where(np.arange(12) == 3, value, 0.0))
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(DivergedError, match=rf"expected finite weights. Received: NaN or infinity in {bias.path}$"):
        state.save()
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    # A run of an earlier version may have saved such weights.
    state.not_finite = lambda: None
    state.save()
    state.save()
    with pytest.raises(InputError, match=r"ckpt-\d+: expected finite weights. Received: NaN or infinity in .*/bias$"):
        open_run(copy).restore()


def test_two_processes_do_not_train_one_run_and_a_dead_one_leaves_no_lock(copy):
    code = f"""
import time
from seqgan_tf.runs.directory import open_run
with open_run({str(copy)!r}).state().locked():
    print("locked", flush=True)
    time.sleep(300)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    expected = rf"{copy}: expected a run that no other process trains"
    try:
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(InputError, match=expected), open_run(copy).state().locked():
            pass
    finally:
        process.kill()
        process.communicate()
    with open_run(copy).state().locked():
        pass


def test_a_directory_that_cannot_be_written_to_is_one_line_and_keeps_the_last_checkpoint(copy):
    state = open_run(copy).restore()
    newest, before = checkpoint_files.numbered(copy / "checkpoints")
    # Not a matter of permissions, which root does not have: a directory stands where the next file belongs.
    (copy / "checkpoints" / f"ckpt-{newest + 1}.index").mkdir()
    with pytest.raises(InputError, match=r"checkpoints: expected a place to write a checkpoint to \(.*\); the last"):
        state.save()
    (copy / "checkpoints" / f"ckpt-{newest + 1}.index").rmdir()
    assert checkpoint_files.numbered(copy / "checkpoints")[:2] == [newest, before]
    open_run(copy).restore()
