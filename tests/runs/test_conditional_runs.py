"""Runs with conditions: what they write, and that they resume and branch as others do."""

import csv
import dataclasses
import shutil

import numpy as np
import pytest
import tiny_runs

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.runs.directory import branch_run, create_run, open_run

CLOSED_AT = {"pretrain generator": 7, "pretrain discriminator": 2, "adversarial": 3}
RUNS = {"pairs": tiny_runs.pairs_run, "labels": tiny_runs.labels_run, "dialogue": tiny_runs.dialogue_run}


@pytest.fixture(params=RUNS)
def made(request, base):
    """A finished run of each task; not to be written to."""
    run = RUNS[request.param](base)
    assert run.code == 0, run.err
    return run


def rows_of(directory):
    with open(directory / "metrics.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_task_and_the_lengths_are_recorded(base):
    tasks = {name: open_run(run(base).directory).settings for name, run in RUNS.items()}
    assert {name: settings.task for name, settings in tasks.items()} == {name: name for name in RUNS}
    assert tasks["pairs"].corpus.source_length == 4  # three words and an end token
    assert tasks["labels"].corpus.source_length is None
    assert tasks["dialogue"].corpus.shared_tokenizer
    assert not tasks["pairs"].corpus.shared_tokenizer


def test_a_run_measures_and_writes_what_belongs_to_its_conditions(made):
    rows = rows_of(made.directory)
    last = rows[-1]
    assert 0 <= float(last["mismatched_accuracy"]) <= 1
    assert 0 <= float(last["held_out_mismatched_accuracy"]) <= 1
    run = sg.load_run(made.directory)
    corpus, conditions = run.corpus, run.source.conditions
    held_out = (corpus.held_out_condition, corpus.held_out_token_ids)
    assert float(last["nll_test"]) == pytest.approx(sg.negative_log_likelihood(run.gan.generator, held_out), abs=1e-6)
    (samples,) = (made.directory / "samples").glob("adversarial-00004.txt")
    given, texts = zip(*(line.split("\t") for line in samples.read_text().splitlines()), strict=True)
    shown = conditions.decode(corpus.held_out_condition[: len(given)])
    assert [text.replace("\n", " | ") for text in shown] == list(given)
    again = run.gan.generate(condition=conditions.encode([text.replace(" | ", "\n") for text in given]), seed=1)
    assert run.decode(again) == list(texts)


def test_the_initial_distribution_is_that_of_the_tokens(made):
    run = open_run(made.directory)
    counts = 1 + np.bincount(
        run.corpus.train_token_ids[run.corpus.train_token_ids >= 0], minlength=run.corpus.vocabulary_size
    )
    held_out = run.corpus.held_out_token_ids
    expected = -np.log(counts / counts.sum())[held_out[held_out >= 0]].mean()
    assert float(rows_of(made.directory)[0]["nll_test"]) == pytest.approx(expected, abs=0.02)  # outputs begin near 0


def test_a_run_without_conditions_has_no_further_column(base):
    assert not {"mismatched_accuracy", "held_out_mismatched_accuracy"} & set(
        rows_of(tiny_runs.text_run(base).directory)[0]
    )


def test_a_run_that_is_closed_in_each_phase_ends_as_an_uninterrupted_one(base, tmp_path):
    whole = tiny_runs.pairs_run(base)
    settings = open_run(whole.directory).settings
    assert settings.pretrain.by_length
    assert settings.pretrain.token_frequencies
    run = create_run(tmp_path / "run", settings)
    closed = []
    for phase, step in [*CLOSED_AT.items(), (None, None)]:
        steps = run.training(run.restore() if closed else None).run()
        for progress in steps:
            if (progress.phase, progress.step) == (phase, step):
                closed.append(phase)
                break
        steps.close()
        last, run = run, open_run(tmp_path / "run")
    assert closed == list(CLOSED_AT)
    assert tiny_runs.same(tiny_runs.weights(last.gan), tiny_runs.weights(sg.load_run(whole.directory).gan))
    without_time = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in rows_of(d)]
        for d in (tmp_path / "run", whole.directory)
    ]
    assert without_time[0] == without_time[1]


def test_a_run_continues_on_other_pairs_with_its_own_tokenizers(base, tmp_path):
    other = open_run(tiny_runs.pairs_run(base).directory)
    sources, targets = tiny_runs.write_pairs(tmp_path, count=24)
    settings = dataclasses.replace(other.settings, data=sources, target=targets)
    branch = branch_run(tmp_path / "branch", other.directory, settings)
    assert len(branch.corpus.train_token_ids) == 22
    assert branch.source.conditions.tokenizer.tokens == other.source.conditions.tokenizer.tokens
    assert branch.data_digest != other.data_digest


@pytest.mark.parametrize("changed", ["train.de", "train.en"])
def test_a_file_that_has_changed_is_refused(changed, base, tmp_path):
    made = tiny_runs.pairs_run(base)
    directory = shutil.copytree(made.directory, tmp_path / "run")
    files = {}
    for key, name in (("data", "train.de"), ("target", "train.en")):
        files[key] = tmp_path / name
        files[key].write_text((base / name).read_text())
    assert len(open_run(directory, files=files).corpus.train_token_ids) == 36
    (tmp_path / changed).write_text((base / changed).read_text().replace("\n", " \n", 1))
    with pytest.raises(InputError, match=r"expected the text file that the run in .* began with. Received: a changed"):
        _ = open_run(directory, files=files).corpus


def test_a_file_that_the_run_does_not_have_cannot_be_elsewhere(base, tmp_path):
    with pytest.raises(InputError, match=r"^--validation needs a run with such a file. Received: a run without$"):
        open_run(tiny_runs.pairs_run(base).directory, files={"validation": tmp_path})


@pytest.mark.parametrize("name", ["conditions.json", "source_tokenizer.json"])
def test_a_run_without_its_rules_of_conditions(name, base, tmp_path):
    directory = shutil.copytree(tiny_runs.pairs_run(base).directory, tmp_path / "run")
    (directory / name).unlink()
    with pytest.raises(InputError, match=name):
        open_run(directory)


def test_own_validation_and_test_files(base, tmp_path):
    sources, targets = tiny_runs.write_pairs(tmp_path)
    own = {}
    for name, (source, target) in {"validation": ("rot", "red"), "test": ("blau hund", "blue dog")}.items():
        own |= {name: tmp_path / f"{name}.de", f"{name}_target": tmp_path / f"{name}.en"}
        own[name].write_text(f"{source}\n" * 4)
        own[f"{name}_target"].write_text(f"{target}\n" * 4)
    settings = open_run(tiny_runs.pairs_run(base).directory).settings
    run = create_run(tmp_path / "run", dataclasses.replace(settings, data=sources, target=targets, **own))
    assert len(run.corpus.train_token_ids) == 40
    assert run.decode(run.corpus.validation_token_ids[:1]) == ["red"]
    assert run.decode(run.corpus.held_out_token_ids[:1]) == ["blue dog"]
    digest = run.data_digest
    assert open_run(tmp_path / "run").source.digest(run.settings) == digest
    own["test_target"].write_text("red dog\n" * 4)
    assert open_run(tmp_path / "run").source.digest(run.settings) != digest


@pytest.mark.parametrize(
    ("name", "needed"), [("target", "data"), ("validation_target", "validation"), ("test_target", "test")]
)
def test_targets_without_their_sources(name, needed, base, tmp_path):
    flag = name.replace("_", "-")
    with pytest.raises(InputError, match=f"^--{flag} needs --{needed}, its source. Received: none$"):
        create_run(tmp_path / "run", dataclasses.replace(tiny_runs.oracle_settings(base), **{name: tmp_path / "x"}))
