"""Warnings about what goes wrong in training without an error."""

import pytest
from run_rows import oracle_rows, text_rows

from seqgan_tf.runs.health import warnings_of


def row(phase, **metrics):
    return {"phase": phase, "step": 1, "nll_test": 3.0} | metrics


def judged(real, generated, count=2, **metrics):
    return [
        row("adversarial", held_out_real_accuracy=real, held_out_generated_accuracy=generated, **metrics)
        for _ in range(count)
    ]


@pytest.mark.parametrize("rows", [[], [row("initial")], oracle_rows(9.3, 9.4), text_rows(3.0)])
def test_nothing_is_said_of_a_run_that_works(rows):
    assert warnings_of(rows) == {}


def test_a_likelihood_far_above_that_of_the_untrained_generator_is_divergence():
    assert warnings_of([row("initial"), row("adversarial", nll_test=3.9)]) == {}
    found = warnings_of([row("initial"), row("adversarial", nll_test=4.2)])
    assert list(found) == ["diverged"]
    assert "NLL-test 4.200 is far above that of the untrained generator (3.000)" in found["diverged"]
    assert "lower learning rate" in found["diverged"]


def test_a_discriminator_that_separates_the_classes_twice_is_reported():
    start = [row("initial")]
    assert list(warnings_of(start + judged(0.99, 0.985))) == ["separated"]
    assert warnings_of(start + judged(0.99, 0.97)) == {}
    assert warnings_of(start + judged(1.0, 1.0, count=1)) == {}


@pytest.mark.parametrize(("real", "generated", "kind"), [(1.0, 0.0, "real"), (0.01, 0.99, "generated")])
def test_a_discriminator_that_names_one_class_twice_is_reported(real, generated, kind):
    found = warnings_of([row("initial"), *judged(real, generated)])
    assert list(found) == ["one class"]
    assert f"calls nearly every sequence {kind}" in found["one class"]
    assert warnings_of([row("initial"), *judged(real, 0.5)]) == {}


def test_a_generator_whose_entropy_collapses_is_reported():
    rows = [row("initial", nll_test=5.0), row("pretrain generator"), row("adversarial", entropy=0.61)]
    assert warnings_of(rows) == {}
    found = warnings_of([*rows, row("adversarial", entropy=0.59)])
    assert list(found) == ["collapsed"]
    assert "has fallen to 0.590 nats per token" in found["collapsed"]
