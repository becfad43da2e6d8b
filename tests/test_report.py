"""What a run says when it ends, and what it shows while it goes on."""

import numpy as np
import pytest

from seqgan_tf import report, terminal
from seqgan_tf.metrics.sweep import EqualNllComparison
from seqgan_tf.training import ADVERSARIAL, DISCRIMINATOR, GENERATOR, INITIAL, Progress


def row(phase, step, seconds, nll_test, nll_oracle=None, accuracies=None):
    figures = {"phase": phase, "step": step, "seconds": seconds, "nll_test": nll_test}
    if nll_oracle is not None:
        figures["nll_oracle"] = nll_oracle
    if accuracies:
        figures |= dict(zip(("held_out_real_accuracy", "held_out_generated_accuracy"), accuracies, strict=True))
    return figures


def oracle_rows(test_after, oracle_after):
    """A run on an oracle that stood at NLL-test 9.0 and NLL-oracle 10.0 before the adversarial phase."""
    return [
        row(INITIAL, 0, 1.0, 9.5, 11.0),
        row(GENERATOR, 1, 5.0, 9.2, 10.5),
        row(GENERATOR, 2, 10.0, 9.0, 10.0),
        row(DISCRIMINATOR, 300, 30.0, 9.0, 10.0, (0.7, 0.9)),
        row(ADVERSARIAL, 5, 50.0, 9.05, 9.9, (0.6, 0.8)),
        row(ADVERSARIAL, 10, 80.0, test_after, oracle_after, (0.5, 0.74)),
    ]


def text_rows(test_after):
    rows = [
        row(INITIAL, 0, 1.0, 5.0),
        row(GENERATOR, 1, 5.0, 3.0),
        row(DISCRIMINATOR, 9, 9.0, 3.0, accuracies=(0.7, 0.9)),
    ]
    return [*rows, row(ADVERSARIAL, 4, 20.0, test_after, accuracies=(0.5, 0.74))]


# In words


def test_the_last_row_of_each_phase_is_its_end():
    ends = report.last_of_each_phase(oracle_rows(9.3, 9.4))
    assert [(end["phase"], end["step"]) for end in ends] == [
        (INITIAL, 0),
        (GENERATOR, 2),
        (DISCRIMINATOR, 300),
        (ADVERSARIAL, 10),
    ]
    assert report.last_of_each_phase([]) == []


def test_oracle_fell_and_test_rose_means_that_diversity_was_paid():
    words = report.verdict(oracle_rows(9.3, 9.4))
    assert "NLL-test rose by 0.300, from 9.000 to 9.300" in words
    assert "NLL-oracle fell by 0.600, from 10.000 to 9.400" in words
    assert "the price was diversity" in words


@pytest.mark.parametrize(("test_after", "moved"), [(8.9, "fell by 0.100"), (9.005, "stayed at 9.005 (before: 9.000)")])
def test_oracle_fell_alone_means_that_nothing_was_paid(test_after, moved):
    words = report.verdict(oracle_rows(test_after, 9.4))
    assert f"NLL-test {moved}" in words
    assert "at no cost in held-out likelihood" in words
    assert "price" not in words


@pytest.mark.parametrize(
    ("oracle_after", "moved"), [(10.2, "rose by 0.200, from 10.000 to 10.200"), (9.995, "stayed at 9.995")]
)
def test_oracle_did_not_fall_means_that_the_phase_did_not_help(oracle_after, moved):
    words = report.verdict(oracle_rows(9.3, oracle_after))
    assert f"NLL-oracle {moved}" in words
    assert "did not become likelier under the oracle: adversarial training did not help" in words


def test_the_oracle_figure_never_stands_without_its_caveat():
    for after in ((9.3, 9.4), (8.9, 9.4), (9.3, 10.2)):
        assert "NLL-oracle alone proves nothing" in report.verdict(oracle_rows(*after))


def test_text_is_judged_by_held_out_likelihood_alone():
    rose, fell = report.verdict(text_rows(3.25)), report.verdict(text_rows(2.9))
    assert "NLL-test rose by 0.250, from 3.000 to 3.250." in rose
    assert "Held-out text became less likely" in rose
    assert "NLL-test fell by 0.100, from 3.000 to 2.900." in fell
    assert "Held-out text did not become less likely" in fell
    assert "racle" not in rose + fell


def test_the_accuracy_is_the_mean_of_both_kinds_after_the_last_round():
    assert "the discriminator is right 62% of the time (chance: 50%)" in report.verdict(text_rows(3.0))


def test_without_a_discriminator_phase_the_generators_is_what_came_before():
    rows = [row(INITIAL, 0, 1.0, 5.0), row(GENERATOR, 1, 5.0, 3.0), row(ADVERSARIAL, 4, 20.0, 3.5)]
    assert "NLL-test rose by 0.500, from 3.000 to 3.500" in report.verdict(rows)


def test_nothing_is_said_of_a_phase_that_was_not_measured():
    rows = oracle_rows(9.3, 9.4)
    for number in range(5):
        assert report.verdict(rows[:number]) == ""
    assert report.verdict(rows[-1:]) == ""


# Two curves at equal NLL-test


def comparison(difference, half_width, nll_test=None):
    difference = np.array(difference, np.float64)
    nll_test = np.linspace(8.9, 9.6, len(difference)) if nll_test is None else np.array(nll_test)
    return EqualNllComparison(nll_test, difference, np.array(half_width, np.float64), True, 0.95)


def test_curves_without_a_common_likelihood_are_not_compared():
    words = report.equal_nll_verdict("SeqGAN", "MLE", "NLL-oracle", comparison([], []))
    assert words == "SeqGAN and MLE have no NLL-test in common, so they can not be compared."


def test_one_seed_proves_nothing():
    words = report.equal_nll_verdict("SeqGAN", "MLE", "NLL-oracle", comparison([-0.25, 0.1, -0.5], [np.nan] * 3))
    assert words == (
        "SeqGAN against MLE at equal NLL-test, 8.90 to 9.60: NLL-oracle differs by -0.500 to +0.100. "
        "From one seed no band can be had, so this may be chance."
    )


@pytest.mark.parametrize(
    ("difference", "half_width", "as_oracle", "as_bleu"),
    [
        ([-0.1, 0.1, 0.0], [0.1, 0.2, 0.1], "no difference that is", "no difference that is"),
        ([-0.3, -0.3, 0.1], [0.1, 0.4, 0.2], "better at 1 of 3 points", "worse at 1 of 3 points"),
        ([0.3, 0.5, 0.1], [0.1, 0.4, 0.2], "worse at 2 of 3 points", "better at 2 of 3 points"),
        (
            [-0.3, 0.5, 0.6],
            [0.1, 0.1, 0.1],
            "better at 1 and worse at 2 of 3 points",
            "better at 2 and worse at 1 of 3 points",
        ),
    ],
)
def test_what_is_larger_than_its_band_is_counted_and_a_lower_nll_or_a_higher_bleu_is_better(
    difference, half_width, as_oracle, as_bleu
):
    for quality, expected in (("NLL-oracle", as_oracle), ("BLEU-4", as_bleu)):
        words = report.equal_nll_verdict("A", "B", quality, comparison(difference, half_width))
        start = f"A against B at equal NLL-test, 8.90 to 9.60: {quality} differs by {min(difference):+.3f} to "
        assert words.startswith(f"{start}{max(difference):+.3f}; {expected}")
        assert words.endswith("(95% bands over seeds).")
        advice = ": sampling B at a lower temperature does better (95%"
        assert (advice in words) == expected.startswith("worse")


# In a terminal


def test_figures_are_described_by_their_labels_in_one_order():
    figures = {"reward": 0.25, "seconds": 3.0, "nll_oracle": 10.12345, "step": 4, "nll_test": 9.0}
    assert terminal.describe(figures) == "NLL-test 9.000, NLL-oracle 10.123, reward 0.250"
    assert terminal.describe(dict(reversed(figures.items()))) == terminal.describe(figures)
    assert terminal.describe({}) == ""


def table_lines(text):
    """The cells of the table's body, row by row."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line[:1] == "│"]


def test_the_result_is_a_table_of_the_phases_and_the_verdict(capsys):
    rows = oracle_rows(9.3, 9.4)
    terminal.print_result(rows)
    out = capsys.readouterr().out
    assert "nats per token" in out
    assert [title in out for title in ("NLL-test", "NLL-oracle", "time")] == [True] * 3
    assert table_lines(out) == [
        ["initial", "9.500", "11.000", "1 s"],
        ["pretrain generator", "9.000", "10.000", "9 s"],
        ["pretrain discriminator", "9.000", "10.000", "20 s"],
        ["adversarial", "9.300", "9.400", "50 s"],
    ]
    assert report.verdict(rows) in out


def test_the_result_of_a_text_has_no_oracle_and_shows_samples_as_they_are(capsys):
    terminal.print_result(text_rows(3.2), ["a [bold]poem[/bold]", "another [/x]"])
    out = capsys.readouterr().out
    assert table_lines(out)[-1] == ["adversarial", "3.200", "11 s"]
    assert "NLL-oracle" not in out
    assert "  a [bold]poem[/bold]\n  another [/x]\n" in out


def test_the_result_of_a_run_that_was_stopped_early_has_no_verdict(capsys):
    terminal.print_result(oracle_rows(9.3, 9.4)[:2])
    out = capsys.readouterr().out
    assert len(table_lines(out)) == 2
    assert "In the adversarial phase" not in out


class FakeRun:
    """Four steps of two phases, one of them evaluated; it knows how far it got and whether it was closed."""

    def __init__(self):
        self.steps, self.closed = 0, False
        self.progress = self._run()  # kept here, or it would be closed when it is forgotten

    def _run(self):
        try:
            for phase, step in ((GENERATOR, 1), (GENERATOR, 2), (ADVERSARIAL, 1), (ADVERSARIAL, 2)):
                self.steps += 1
                evaluated = row(phase, 7, 3.0, 9.125) if self.steps == 2 else None
                yield Progress(phase, step, 2, {"nll": 1.0}, evaluated)
        finally:
            self.closed = True


def test_a_run_is_watched_to_its_end(capsys):
    fake = FakeRun()
    assert terminal.watch(fake.progress, lambda: False) is True
    assert (fake.steps, fake.closed) == (4, True)
    assert capsys.readouterr().out.strip() == "pretrain generator 7: NLL-test 9.125"


def test_a_run_is_closed_at_the_step_where_it_is_told_to_stop():
    fake = FakeRun()
    assert terminal.watch(fake.progress, lambda: fake.steps == 3) is False
    assert (fake.steps, fake.closed) == (3, True)


def test_a_run_is_closed_when_looking_at_it_fails():
    fake = FakeRun()

    def fail():
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        terminal.watch(fake.progress, fail)
    assert (fake.steps, fake.closed) == (1, True)
