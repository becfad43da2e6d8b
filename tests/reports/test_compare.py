"""Comparison of runs: how they are grouped into curves, how these are named, and which one they are compared with."""

import dataclasses
import types
from pathlib import Path

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.metrics.sweep import TemperatureSweep
from seqgan_tf.reports import compare as comparison
from seqgan_tf.reports.settings import EvaluationSettings
from seqgan_tf.runs import config, presets

ALPHAS = np.array([0.8, 1.0, 1.5])
BOTH = ("pre-trained", "after 4 rounds")
BASE = config.RunSettings(data=Path("words.txt"))


def replace(settings, **changes):
    """Changed settings, inside and outside of tables: replace(settings, seed=3, adversarial={"rounds": 2})."""
    for name, value in changes.items():
        if isinstance(value, dict):
            value = dataclasses.replace(getattr(settings, name), **value)
        settings = dataclasses.replace(settings, **{name: value})
    return settings


@pytest.fixture
def compare(monkeypatch):
    """Compares runs with made-up sweeps. `measured` lists the sweeps."""

    def states(run):
        for state in run.states:
            run.state = state
            yield state

    def sweep(run, data, settings, particles):
        compare.measured.append((str(run.directory), run.state) + (() if particles is None else (particles,)))
        shift = run.shifts.get(run.state, 0.0) - (particles or 0)
        assert data == f"data of {run.directory}"
        assert settings.sweep_seeds == 1
        compare.qualities.add(settings.quality)
        return TemperatureSweep(
            ALPHAS, np.array([[9.4, 9.0, 9.5]]), np.array([[11.0, 10.0, 9.0]]) + shift, (1,), 30, 40
        )

    def compare(*runs, quality=None, **arguments):
        return comparison.compare_runs(list(runs), EvaluationSettings(quality=quality), **arguments)

    compare.measured, compare.qualities = [], set()
    monkeypatch.setattr(comparison, "restored_states", states)
    monkeypatch.setattr(comparison, "sweep_run", sweep)
    monkeypatch.setattr(
        comparison, "read_evaluation_data", lambda run, settings, data, target, images: f"data of {run.directory}"
    )
    return compare


def run(name, settings=BASE, states=BOTH, digest="of words.txt", oracle=None, **shifts):
    """A stand-in for a run. `before` and `after` shift the quality of its two states."""
    shifts = {"pre-trained": shifts.get("before", 0.0), "after 4 rounds": shifts.get("after", 0.0)}
    source = types.SimpleNamespace(quality=METRICS["nll_oracle" if oracle else "bleu_4"])
    gan = types.SimpleNamespace(generator=types.SimpleNamespace(encoder=None))
    return types.SimpleNamespace(
        directory=Path(name),
        settings=settings,
        data_digest=digest,
        source=source,
        states=states,
        shifts=shifts,
        gan=gan,
    )


def rows(curve):
    """The shift of the quality in each row of a curve."""
    return (curve.quality[:, 0] - 11.0).round(9).tolist()


def test_one_run_is_two_curves_and_a_difference(compare):
    found = compare(run("a", after=-0.25))
    assert list(found.curves) == list(BOTH)
    assert found.runs == {"pre-trained": ["a"], "after 4 rounds": ["a"]}
    assert list(found.differences) == ["after 4 rounds"]
    np.testing.assert_allclose(found.differences["after 4 rounds"].difference, -0.25)


def test_runs_that_differ_in_their_seed_alone_are_one_curve_with_a_row_each(compare):
    seeds = {"a": 5, "b": 0, "c": 2}
    found = compare(*(run(name, replace(BASE, seed=seed), before=seed, after=-seed) for name, seed in seeds.items()))
    assert list(found.curves) == list(BOTH)
    assert found.curves["after 4 rounds"].seeds == found.curves["pre-trained"].seeds == (0, 2, 5)
    assert rows(found.curves["pre-trained"]) == [0, 2, 5]
    assert rows(found.curves["after 4 rounds"]) == [0, -2, -5]
    assert found.runs == {"pre-trained": ["b", "c", "a"], "after 4 rounds": ["b", "c", "a"]}


def test_lengths_that_follow_from_the_lines_of_a_seed_make_no_difference(compare):
    lengths = {"a": (0, 20, 9), "b": (1, 21, 9), "c": (2, 20, 8)}
    found = compare(
        *(
            run(name, replace(BASE, seed=seed, corpus={"sequence_length": target, "source_length": source}))
            for name, (seed, target, source) in lengths.items()
        )
    )
    assert list(found.curves) == list(BOTH)
    assert found.curves["pre-trained"].seeds == found.curves["after 4 rounds"].seeds == (0, 1, 2)


def test_a_length_that_was_given_is_a_difference(compare):
    lengths = {"a": (0, 20), "b": (1, 21), "c": (0, 30), "d": (1, 30)}
    found = compare(
        *(run(name, replace(BASE, seed=seed, corpus={"sequence_length": n})) for name, (seed, n) in lengths.items())
    )
    assert found.curves["after 4 rounds, corpus.sequence_length 30"].seeds == (0, 1)
    assert found.curves["pre-trained, corpus.sequence_length 30"].seeds == (0, 1)


def test_the_path_of_the_data_makes_no_difference(compare):
    found = compare(run("a"), run("b", replace(BASE, seed=1, data=Path("/elsewhere/words.txt"))))
    assert found.curves["after 4 rounds"].seeds == (0, 1)


@pytest.mark.parametrize("name", presets.CONTROLS)
def test_a_control_is_named_and_its_pretraining_is_not_counted_twice(name, compare):
    found = compare(run("a", after=1.0), run("a/controls/x", presets.control(BASE, name), after=2.0))
    assert list(found.curves) == ["pre-trained", "after 4 rounds", f"after 4 rounds, {name} control"]
    assert found.curves["pre-trained"].seeds == (0,)
    assert rows(found.curves[f"after 4 rounds, {name} control"]) == [2.0]
    assert found.runs["pre-trained"] == ["a"]
    assert found.runs[f"after 4 rounds, {name} control"] == ["a/controls/x"]
    assert compare.measured == [("a", BOTH[0]), ("a", BOTH[1]), ("a/controls/x", BOTH[1])]


def test_the_controls_of_several_seeds_are_one_curve_each(compare):
    runs = []
    for seed in (0, 1):
        settings = replace(BASE, seed=seed)
        runs += [run(f"{seed}", settings), run(f"{seed}-noise", presets.control(settings, "noise"), after=seed)]
    found = compare(*runs)
    assert {name: curve.seeds for name, curve in found.curves.items()} == {
        "pre-trained": (0, 1),
        "after 4 rounds": (0, 1),
        "after 4 rounds, noise control": (0, 1),
    }
    assert rows(found.curves["after 4 rounds, noise control"]) == [0, 1]


def test_other_settings_are_named(compare):
    entropy = replace(BASE, adversarial={"entropy_weight": 0.1, "rounds": 4}, rollout={"num_rollouts": 8})
    longer = replace(BASE, pretrain={"epochs": 30})
    found = compare(run("a"), run("b", entropy), run("c", longer))
    assert list(found.curves) == [
        "pre-trained",
        "pre-trained, pretrain.epochs 30",
        "after 4 rounds",
        "after 4 rounds, adversarial.entropy_weight 0.1, adversarial.rounds 4, rollout.num_rollouts 8",
        "after 4 rounds, pretrain.epochs 30",
    ]


@pytest.mark.parametrize("setting", ["learning_rate", "discriminator_steps"])
def test_settings_of_one_name_in_two_tables_are_told_apart(setting, compare):
    """Both the pre-training and the adversarial phase have a learning rate, and a number of discriminator steps."""
    runs = [run("a"), run("b", replace(BASE, pretrain={setting: 7})), run("c", replace(BASE, adversarial={setting: 7}))]
    found = compare(*runs)
    assert sorted(len(directories) for name, directories in found.runs.items() if name.startswith("after")) == [1, 1, 1]


def test_runs_with_another_pretraining_have_a_pretrained_curve_of_their_own(compare):
    found = compare(run("a"), run("b", replace(BASE, pretrain={"epochs": 30}), before=1.0))
    assert rows(found.curves["pre-trained, pretrain.epochs 30"]) == [1.0]
    assert rows(found.curves["pre-trained"]) == [0.0]


def test_resampled_curves_stand_beside_those_of_the_generators(compare):
    found = compare(run("a", after=-0.25), particles=4)
    resampled = [f"{state}, resampled, 4 particles" for state in BOTH]
    assert list(found.curves) == [BOTH[0], resampled[0], BOTH[1], resampled[1]]
    assert [rows(curve) for curve in found.curves.values()] == [[0.0], [-4.0], [-0.25], [-4.25]]
    assert list(found.differences) == [resampled[0], BOTH[1], resampled[1]]
    assert compare.measured == [("a", BOTH[0]), ("a", BOTH[0], 4), ("a", BOTH[1]), ("a", BOTH[1], 4)]


def test_labels_name_resampled_curves_too(compare):
    found = compare(run("a"), run("b", replace(BASE, seed=1)), labels=["words"] * 2, particles=4)
    assert list(found.curves)[2:] == ["words", "words, resampled, 4 particles"]


def test_resampled_samples_of_one_pretraining_are_told_apart_by_the_discriminator(compare):
    found = compare(run("a"), run("b", replace(BASE, discriminator={"kind": "ngram"}), before=1.0), particles=4)
    assert [name for name in found.curves if name.startswith("pre-trained")] == [
        "pre-trained",
        "pre-trained, resampled, 4 particles",
        "pre-trained, discriminator.kind ngram, resampled, 4 particles",
    ]


def test_runs_with_conditions_have_no_resampled_curve(compare):
    pairs = run("a")
    pairs.gan.generator.encoder = object()
    with pytest.raises(InputError) as raised:
        compare(run("b"), pairs, particles=4)
    assert str(raised.value) == "`particles` must be None for runs with conditions. Received: a"
    assert compare.measured == []


def test_every_curve_is_compared_with_the_first(compare):
    """The curves differ only by a shift of the quality, which is the difference at every NLL-test."""
    runs = []
    for seed, wave in ((0, 0.0), (1, 0.1), (2, 0.5)):
        settings = replace(BASE, seed=seed)
        runs.append(run(f"{seed}", settings, before=wave, after=wave - 0.5))
        runs.append(run(f"{seed}-constant", presets.control(settings, "constant"), before=wave, after=wave + 0.25))
    found = compare(*runs)
    assert list(found.differences) == ["after 4 rounds", "after 4 rounds, constant control"]
    for difference, expected in zip(found.differences.values(), (-0.5, 0.25), strict=True):
        assert difference.paired
        np.testing.assert_allclose(difference.nll_test[[0, -1]], [9.0, 9.5])
        np.testing.assert_allclose(difference.difference, expected)
        np.testing.assert_allclose(difference.half_width, 0, atol=1e-9)


def test_the_measured_states_are_reported(compare):
    told = []
    comparison.compare_runs([run("a")], EvaluationSettings(), report=told.append)
    assert told == ["a: pre-trained", "a: after 4 rounds"]


def test_the_quality_metric_is_that_of_the_runs(compare):
    assert compare(run("a")).quality is METRICS["bleu_4"]
    assert compare(run("a", oracle="an oracle")).quality is METRICS["nll_oracle"]


def test_another_quality_metric_is_measured_of_all_runs(compare):
    found = compare(run("a"), run("b", replace(BASE, seed=1)), quality="ms_jaccard_3")
    assert (found.quality, compare.qualities) == (METRICS["ms_jaccard_3"], {"ms_jaccard_3"})


def test_runs_are_compared_over_a_range_of_nll_test(compare):
    (found,) = compare(run("a"), nll_range=(9.1, 9.3)).differences.values()
    np.testing.assert_allclose(found.nll_test, np.linspace(9.1, 9.3, 9))


# Refusals


def test_a_quality_or_a_range_that_cannot_be_is_refused_before_anything_is_measured(compare):
    with pytest.raises(ValueError, match="a: expected a quality that runs on these data have: bleu_4, or one that all"):
        compare(run("a"), quality="nll_oracle")
    with pytest.raises(ValueError, match=r"the lower one first. Received: \(9.3, 9.1\)"):
        compare(run("a"), nll_range=(9.3, 9.1))
    assert compare.measured == []


def test_runs_on_other_data_are_refused_before_anything_is_measured(compare):
    expected = "b: expected a run on the data of a. Received: other data"
    with pytest.raises(ValueError, match=expected):
        compare(run("a"), run("b", replace(BASE, seed=1), digest="of poems.txt"))
    assert compare.measured == []


@pytest.mark.parametrize("states", [BOTH, BOTH[:1]], ids=["trained", "pre-trained alone"])
def test_equal_runs_are_refused(states, compare):
    with pytest.raises(ValueError, match=r"b: expected a run that differs from a. Received: an equal one"):
        compare(run("a", states=states), run("c", replace(BASE, seed=1), states), run("b", states=states))


def test_the_same_control_twice_is_refused(compare):
    noise = presets.control(BASE, "noise")
    with pytest.raises(ValueError, match=r"c: expected a run that differs from b. Received: an equal one"):
        compare(run("a"), run("b", noise), run("c", noise))


def test_a_run_that_has_not_finished_its_pretraining_is_refused(compare):
    with pytest.raises(ValueError, match="b: expected a run that has finished its pre-training"):
        compare(run("a"), run("b", replace(BASE, seed=1), states=("in pre-training",)))


def test_runs_of_one_label_are_one_curve(compare):
    other = replace(BASE, seed=1, adversarial={"rounds": 9})
    found = compare(run("a", after=1.0), run("b", other, after=2.0), labels=["ours", "ours"])
    assert list(found.curves) == ["pre-trained", "ours"]
    assert rows(found.curves["ours"]) == [1.0, 2.0]


def test_every_run_needs_a_label(compare):
    with pytest.raises(ValueError, match=r"`labels` must be one per run. Received: 1 labels, 2 runs"):
        compare(run("a"), run("b", replace(BASE, seed=1)), labels=["ours"])


def test_settings_of_the_discriminator_do_not_split_the_pretrained_curve(compare):
    other = replace(BASE, seed=1, discriminator={"dropout": 0.5}, pretrain={"discriminator_steps": 7})
    found = compare(run("a"), run("b", other))
    assert found.curves["pre-trained"].seeds == (0, 1)
