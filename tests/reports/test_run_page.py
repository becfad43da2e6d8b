"""The page of a run: what it says is what was measured, and a browser shows it without a network."""

import browser
import numpy as np
import pytest
import tiny_runs

from seqgan_tf.core.validation import InputError
from seqgan_tf.reports.run_page import ReportSettings, run_page
from seqgan_tf.reports.samples_over_time import Samples, diversity, read_samples
from seqgan_tf.runs.directory import open_run

FEW = ReportSettings(samples=20, explained=1, rollouts=2)


def page_of(directory, settings=FEW):
    run = open_run(directory)
    return run, run_page(run, run.restore(), settings)


@pytest.fixture(scope="module")
def text(base):
    return page_of(tiny_runs.text_run(base).directory)


@pytest.mark.parametrize("width", [400, 1400])
def test_a_browser_shows_the_page(text, width, tmp_path):
    shown = browser.assert_complete(text[1], tmp_path, pictures=3, width=width)
    for heading in (
        "Training",
        "Samples over time",
        "Diversity of n-grams",
        "Discriminator",
        "Credit of each token",
        "Settings",
        "Times of the training",
        "Environment",
    ):
        assert f"\n{heading}\n" in shown


def test_what_the_page_says(text):
    run, page = text
    assert "http" not in page
    rows = run.restore().rows
    (folder,) = [run.directory / "samples"]
    assert len(read_samples(run.directory, rows, "text")) == len(list(folder.iterdir())) == len(rows)
    first = (folder / "adversarial-00004.txt").read_text(encoding="utf-8").splitlines()[0]
    assert f"<pre>{first}</pre>" in page
    assert "<td>adversarial.rounds</td><td>4</td>" in page
    (sample,) = run.decode(run.gan.generate(1, 1, suppress_tokens=run.source.suppressed_tokens))
    assert all(f">{word}</span>" in page for word in sample.split())


def test_a_run_with_conditions(base, tmp_path):
    run, page = page_of(tiny_runs.pairs_run(base).directory)
    assert run.corpus.held_out_given[0] in page
    assert "What was read from each position of the source:" in page
    path = run.directory / "samples" / "adversarial-00004.txt"
    condition, sample = path.read_text(encoding="utf-8").splitlines()[0].split("\t")
    assert f'<div class="note">{condition}</div><pre>{sample}</pre>' in page


def test_a_run_on_images(base):
    _, page = page_of(tiny_runs.captions_run(base).directory)
    assert "The parts of the image that were read for each token are bright:" in page
    assert ".maps {" in page


def test_a_run_whose_data_are_gone(base):
    run = open_run(tiny_runs.text_run(base).directory, files={"data": base / "gone.txt"})
    page = run_page(run, run.restore(), FEW)
    assert "Not measured, since the data of the run cannot be read: " in page
    assert "Credit of each token" in page


def test_a_run_without_a_trained_discriminator(tmp_path):
    from seqgan_tf.runs.directory import create_run

    run = create_run(tmp_path / "run", tiny_runs.oracle_settings(tmp_path))
    run.state().save()
    page = run_page(run, run.restore(), FEW)
    assert "The run has not been evaluated yet." in page
    assert "<h2>Settings</h2>" in page
    assert "<h2>Discriminator</h2>" not in page


def test_diversity():
    texts = [["a b", "a b a"], ["rot\ta", ""], ["\t"]]
    found = diversity([Samples("initial", i, each) for i, each in enumerate(texts)])
    np.testing.assert_allclose(found["distinct-1"], [2 / 5, 1, np.nan])
    np.testing.assert_allclose(found["distinct-2"], [2 / 3, np.nan, np.nan])
    np.testing.assert_allclose(found["distinct-3"], [1, np.nan, np.nan])


def test_samples_of_code_have_several_lines(tmp_path):
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "initial-00000.txt").write_text("# %%\ndef f():\n    pass\n# %%\nx\n", encoding="utf-8")
    rows = [{"phase": "initial", "step": 0}, {"phase": "adversarial", "step": 1}]
    assert read_samples(tmp_path, rows, "code") == [Samples("initial", 0, ["def f():\n    pass", "x"])]


@pytest.mark.parametrize(("name", "least"), [("samples", 2), ("explained", 1), ("rollouts", 1)])
def test_numbers(base, name, least):
    run = open_run(tiny_runs.text_run(base).directory)
    with pytest.raises(InputError, match=rf"^`{name}` must be at least {least}. Received: 0$"):
        run_page(run, run.state(), ReportSettings(**{name: 0}))
