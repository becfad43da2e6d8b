"""Made-up evaluations of a run, as rows of metrics.csv."""

from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR, PRETRAIN_GENERATOR
from seqgan_tf.runs.training import INITIAL


def row(phase, step, seconds, nll_test, nll_oracle=None, accuracies=None):
    values = {"phase": phase, "step": step, "seconds": seconds, "nll_test": nll_test}
    if nll_oracle is not None:
        values["nll_oracle"] = nll_oracle
    if accuracies:
        values |= dict(zip(("held_out_real_accuracy", "held_out_generated_accuracy"), accuracies, strict=True))
    return values


def oracle_rows(test_after, oracle_after):
    """A run on an oracle with NLL-test 9.0 and NLL-oracle 10.0 before the adversarial phase."""
    return [
        row(INITIAL, 0, 1.0, 9.5, 11.0),
        row(PRETRAIN_GENERATOR, 1, 5.0, 9.2, 10.5),
        row(PRETRAIN_GENERATOR, 2, 10.0, 9.0, 10.0),
        row(PRETRAIN_DISCRIMINATOR, 300, 30.0, 9.0, 10.0, (0.7, 0.9)),
        row(ADVERSARIAL, 5, 50.0, 9.05, 9.9, (0.6, 0.8)),
        row(ADVERSARIAL, 10, 80.0, test_after, oracle_after, (0.5, 0.74)),
    ]


def text_rows(test_after):
    rows = [
        row(INITIAL, 0, 1.0, 5.0),
        row(PRETRAIN_GENERATOR, 1, 5.0, 3.0),
        row(PRETRAIN_DISCRIMINATOR, 9, 9.0, 3.0, accuracies=(0.7, 0.9)),
    ]
    return [*rows, row(ADVERSARIAL, 4, 20.0, test_after, accuracies=(0.5, 0.74))]
