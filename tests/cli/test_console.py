"""The output of a run on a terminal: a line per evaluation, a bar per phase, a table at the end."""

import pytest
from run_rows import oracle_rows, row, text_rows

from seqgan_tf.cli import console
from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_GENERATOR
from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.reports import conclusions
from seqgan_tf.runs.training import Progress


def test_every_metric_in_a_line_is_in_the_catalogue():
    assert set(console.SHOWN) <= set(METRICS)


def test_metrics_are_shown_with_their_labels_in_one_order():
    values = {"reward": 0.25, "seconds": 3.0, "nll_oracle": 10.12345, "step": 4, "nll_test": 9.0}
    assert console.describe(values) == "NLL-test 9.000, NLL-oracle 10.123, reward 0.250"
    assert console.describe(dict(reversed(values.items()))) == console.describe(values)
    assert console.describe({}) == ""


def table_lines(text):
    """The cells of the table's body, row by row."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line[:1] == "│"]


def test_the_result_is_a_table_of_the_phases_and_the_conclusion(capsys):
    rows = oracle_rows(9.3, 9.4)
    console.print_result(rows)
    out = capsys.readouterr().out
    assert "nats per token" in out
    assert [title in out for title in ("NLL-test", "NLL-oracle", "time")] == [True] * 3
    assert table_lines(out) == [
        ["initial", "9.500", "11.000", "1 s"],
        ["pretrain generator", "9.000", "10.000", "9 s"],
        ["pretrain discriminator", "9.000", "10.000", "20 s"],
        ["adversarial", "9.300", "9.400", "50 s"],
    ]
    assert conclusions.conclusion(rows) in out


def test_the_result_of_a_text_has_no_oracle_and_shows_samples_as_they_are(capsys):
    console.print_result(text_rows(3.2), ["a [bold]poem[/bold]", "another [/x]"])
    out = capsys.readouterr().out
    assert table_lines(out)[-1] == ["adversarial", "3.200", "11 s"]
    assert "NLL-oracle" not in out
    assert "  a [bold]poem[/bold]\n  another [/x]\n" in out


def test_the_result_of_a_run_that_was_stopped_early_has_no_conclusion(capsys):
    console.print_result(oracle_rows(9.3, 9.4)[:2])
    out = capsys.readouterr().out
    assert len(table_lines(out)) == 2
    assert "In the adversarial phase" not in out


class FakeRun:
    """A run of four steps in two phases, one of them evaluated; it counts its steps and records that it was closed."""

    def __init__(self):
        self.steps, self.closed = 0, False
        self.progress = self._run()  # without this reference the generator would be closed

    def _run(self):
        try:
            for phase, step in ((PRETRAIN_GENERATOR, 1), (PRETRAIN_GENERATOR, 2), (ADVERSARIAL, 1), (ADVERSARIAL, 2)):
                self.steps += 1
                evaluated = row(phase, 7, 3.0, 9.125) if self.steps == 2 else None
                yield Progress(phase, step, 2, {"nll": 1.0}, evaluated)
        finally:
            self.closed = True


def test_a_run_is_watched_to_its_end(capsys):
    fake = FakeRun()
    assert console.watch(fake.progress, lambda: False) is True
    assert (fake.steps, fake.closed) == (4, True)
    assert capsys.readouterr().out.strip() == "pretrain generator 7: NLL-test 9.125"


def test_a_run_is_closed_at_the_step_where_it_is_stopped():
    fake = FakeRun()
    assert console.watch(fake.progress, lambda: fake.steps == 3) is False
    assert (fake.steps, fake.closed) == (3, True)


def test_a_run_is_closed_when_an_error_occurs():
    fake = FakeRun()

    def fail():
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        console.watch(fake.progress, fail)
    assert (fake.steps, fake.closed) == (1, True)
