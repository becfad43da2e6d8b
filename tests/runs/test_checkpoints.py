"""Checkpoints: a resumed run equals an uninterrupted one, and damaged or foreign checkpoints are refused."""

import csv
import dataclasses
import shutil

import pytest
import tiny_runs

from seqgan_tf import __version__
from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR, PRETRAIN_GENERATOR
from seqgan_tf.runs import toml
from seqgan_tf.runs.directory import Run, create_run, open_run

CLOSED_AT = {PRETRAIN_GENERATOR: 4, PRETRAIN_DISCRIMINATOR: 2, ADVERSARIAL: 3}  # none of these steps is evaluated


@pytest.fixture(scope="module")
def interrupted(base):
    """The tiny run, closed once in each phase and resumed with new objects each time: (directory, states)."""
    directory = base / "interrupted"
    run = create_run(directory, tiny_runs.oracle_settings(base))
    states = {}
    for phase, step in [*CLOSED_AT.items(), (None, None)]:
        current = run.training(run.restore() if states else None)
        steps = current.run()
        for progress in steps:
            states[progress.phase, progress.step] = tiny_runs.weights(run.gan)
            if (progress.phase, progress.step) == (phase, step):
                break
        steps.close()
        run = open_run(directory)
    return directory, states


def read_csv(directory):
    with open(directory / "metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


# A resumed run equals an uninterrupted one


def test_the_interrupted_run_does_every_step_once(whole, interrupted):
    assert list(interrupted[1]) == list(whole.states)


@pytest.mark.parametrize("phase", CLOSED_AT)
def test_a_run_resumed_in_a_phase_continues_bit_for_bit(phase, whole, interrupted):
    order = list(whole.states)
    begin = order.index((phase, CLOSED_AT[phase])) + 1
    later = [order.index(at) + 1 for at in CLOSED_AT.items() if order.index(at) + 1 > begin]
    steps = order[begin : min(later, default=len(order))]
    assert steps
    for step in steps:
        assert tiny_runs.same(interrupted[1][step], whole.states[step]), step


def test_a_resumed_run_ends_with_the_same_weights_and_the_same_metrics(whole, interrupted):
    directory, states = interrupted
    assert tiny_runs.same(states[ADVERSARIAL, 4], whole.states[ADVERSARIAL, 4])
    rows = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in read_csv(d)] for d in (directory, whole.directory)
    ]
    assert rows[0] == rows[1]
    for path in (whole.directory / "samples").iterdir():
        assert (directory / "samples" / path.name).read_bytes() == path.read_bytes()


def test_a_resumed_run_has_its_reference_and_its_best_round(base, tmp_path):
    """With 16 bits, a KL weight and patience too: the end is that of a run that was never stopped."""
    settings = tiny_runs.oracle_settings(base)
    settings = dataclasses.replace(
        settings,
        dtype_policy="mixed_float16",
        adversarial=dataclasses.replace(settings.adversarial, kl_weight=0.5, patience=3, evaluate_every=1),
    )
    whole = create_run(tmp_path / "whole", settings)
    list(whole.training().run())
    run = create_run(tmp_path / "run", settings)
    steps = run.training().run()
    next(progress for progress in steps if (progress.phase, progress.step) == (ADVERSARIAL, 2))
    steps.close()
    again = open_run(tmp_path / "run")
    list(again.training(again.restore()).run())
    assert tiny_runs.same(tiny_runs.weights(again.gan), tiny_runs.weights(whole.gan))
    assert tiny_runs.same(*(each.gan.reference_generator.get_weights() for each in (again, whole)))
    rows = [read_csv(tmp_path / name) for name in ("run", "whole")]
    assert [{**row, "seconds": ""} for row in rows[0]] == [{**row, "seconds": ""} for row in rows[1]]
    assert float(rows[0][-1]["kl"]) != 0


def test_dropout_makes_the_tiny_run_depend_on_the_state_of_its_seeds(whole):
    """Without dropout, the tests above could not detect a seed that is not saved."""
    assert whole.settings.generator.dropout > 0
    assert whole.settings.discriminator.dropout > 0
    assert whole.settings.rollout.update_rate > 0


# Restoring and refusals


def training_of(directory, corpus):
    """The `Training` of a run directory. `corpus` is passed so that the data are not read again."""
    run = open_run(directory)
    return Run(directory, run.settings, run.gan, run.source, corpus).training()


@pytest.fixture
def opened(whole, tmp_path):
    """A copy of the finished run: (directory, `Training` before any checkpoint is restored)."""
    directory = shutil.copytree(whole.directory, tmp_path / "copy")
    return directory, training_of(directory, whole.corpus)


def test_a_finished_run_has_no_steps_left(opened, whole):
    _, current = opened
    current.state.restore()
    assert list(current.run()) == []
    assert current.state.rows == whole.rows


def test_evaluations_after_the_checkpoint_are_dropped(opened, whole):
    directory, current = opened
    path = directory / "metrics.csv"
    path.write_text(
        path.read_text() + path.read_text().splitlines()[-1].replace("adversarial,4", "adversarial,6") + "\n"
    )
    current.state.restore()
    assert current.state.rows == whole.rows


def test_restoring_writes_nothing(opened):
    directory, current = opened
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    current.state.restore()
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def test_restoring_without_a_checkpoint_is_refused(opened):
    directory, _ = opened
    shutil.rmtree(directory / "checkpoints")
    with pytest.raises(ValueError, match=rf"{directory}: expected a checkpoint to resume from. Received: none"):
        open_run(directory).restore()


def test_the_end_of_the_pretraining_can_be_restored_after_the_run(opened, whole):
    """All other checkpoints of that time have been replaced by later ones."""
    directory, current = opened
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    current.state.restore(pretrained=True)
    found = tiny_runs.weights(current.gan)
    assert tiny_runs.same(found, whole.states[PRETRAIN_DISCRIMINATOR, 4])
    assert current.state.rows == whole.rows[:4]
    assert [int(step) for step in current.state.steps.values()] == [6, 4, 0]
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before
    current.state.restore()
    assert tiny_runs.same(tiny_runs.weights(current.gan), whole.states[ADVERSARIAL, 4])
    assert current.state.rows == whole.rows


def test_the_end_of_the_pretraining_is_the_same_in_an_interrupted_run(interrupted, whole):
    current = training_of(interrupted[0], whole.corpus)
    current.state.restore(pretrained=True)
    assert tiny_runs.same(tiny_runs.weights(current.gan), whole.states[PRETRAIN_DISCRIMINATOR, 4])


def test_a_run_in_its_pretraining_has_no_checkpoint_of_its_end(base):
    directory = tiny_runs.early_run(base)
    state = open_run(directory).state()
    assert state.pretrained is None
    with pytest.raises(ValueError, match=rf"{directory}: expected a checkpoint to resume from. Received: none"):
        state.restore(pretrained=True)


@pytest.mark.parametrize("damage", ["data missing", "data changed", "index garbage", "index empty"])
def test_a_damaged_checkpoint_is_refused_by_name(damage, opened):
    directory, current = opened
    kind, how = damage.split()
    name, path = tiny_runs.only_checkpoint(directory, kind)
    content = path.read_bytes()
    middle = len(content) // 2
    changed = content[:middle] + bytes(255 - byte for byte in content[middle:])
    new = {"truncated": content[:middle], "changed": changed, "garbage": b"garbage" * 40, "empty": b""}
    path.unlink()
    if how in new:
        path.write_bytes(new[how])
    with pytest.raises(ValueError, match=rf"{name}: expected a checkpoint of this run"):
        current.state.restore()


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("generator", {"hidden_dim": 5}, r"expected \S*lstm\S*/kernel of shape \[3, 20\], .* Received: \[3, 16\]"),
        (
            "generator",
            {"num_layers": 2},
            r"expected \d+ variables of the networks and optimizers, as the settings say. Received: \d+",
        ),
        ("discriminator", {"embedding_dim": 4}, r"expected \S*embeddings of shape \[12, 4\], .* Received: \[12, 3\]"),
    ],
)
def test_a_checkpoint_that_does_not_fit_the_settings_is_refused_with_the_difference(part, change, message, opened):
    directory, _ = opened
    run = open_run(directory)
    other = dataclasses.replace(run.settings, **{part: dataclasses.replace(getattr(run.settings, part), **change)})
    (directory / "config.toml").write_text(toml.to_toml(other, version=__version__))
    with pytest.raises(ValueError, match=message):
        open_run(directory).restore()


def test_a_truncated_checkpoint_is_refused_by_name(opened):
    directory, current = opened
    name, path = tiny_runs.only_checkpoint(directory, "data")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"{name}: expected a checkpoint of this run"):
        current.state.restore()


@pytest.mark.parametrize(
    "content", [None, "", "phase,step,seconds\ninitial,0,x\n", "phase,step,nll_tesT\n" + "a,1,2\n" * 9]
)
def test_a_missing_or_damaged_metrics_file_is_refused_by_name(content, opened):
    directory, current = opened
    path = directory / "metrics.csv"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=rf"{path}: expected 6 evaluations"):
        current.state.restore()
