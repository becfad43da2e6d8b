"""The directory of a report: what report.md and report.json contain, and that they are written whole or not at all."""

import json
import math
import re
import sys

import numpy as np
import pytest

import seqgan_tf
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.metrics.sweep import TemperatureSweep, compare_at_equal_nll
from seqgan_tf.reports import markdown, plots
from seqgan_tf.reports.compare import Comparison
from seqgan_tf.reports.evaluate import plain

NLL_ORACLE = METRICS["nll_oracle"]
ALPHAS = np.array([0.8, 1.0, 1.5, 2.0])


def sweep(shift=0.0, seeds=(0, 1, 2)):
    """NLL-test is lowest at alpha 1; `shift` is added to the quality at all alphas."""
    rows = 0.01 * np.arange(len(seeds))[:, None]
    return TemperatureSweep(
        ALPHAS, rows + [9.4, 9.0, 9.5, 10.5], rows + np.array([11.0, 10.0, 9.0, 8.5]) + shift, tuple(seeds), 300, 400
    )


def state(number):
    """The metrics of a state. All differ, so that a test can tell which one the report shows."""
    health = {"real_accuracy": 0.6, "generated_accuracy": 0.7 + number / 100, "auc": 0.8, "log_loss": 0.5}
    health |= {"calibration_error": 0.25, "bins": [[0.2, 0.1, 0.5], [0.8, 0.9, 0.5]], "num_real": 4, "num_generated": 5}
    names = ("nll_test", "nll_oracle", "oracle_entropy", "generator_entropy", "kl_oracle_generator")
    names += ("kl_generator_oracle", "jensen_shannon")
    likelihood = {name: 1.001 * (place + 1) + number for place, name in enumerate(names)}
    likelihood["standard_errors"] = {name: 0.01 * (place + 1) for place, name in enumerate(names)}
    return {
        "likelihood": likelihood | {"num_real": 300, "num_generated": 400},
        "samples": {"num_samples": 300, "bleu_2": 0.9 + number / 100, "bleu_5": None, "share_copied": 0.125},
        "discriminator": {"held-out real": health, "training real": health | {"auc": 0.95}},
        "texts": {"0.7": [f"red cat {number}"], "1.0": ["blue | dog", "*bird*"]},
    }


def report(on_oracle=True):
    found = {
        "run": "runs/a",
        "held_out": "300 fresh sequences of the oracle",
        "num_held_out": 300,
        "num_cut": 0,
        "num_samples": 400,
        "seed": 7,
        "states": {"pre-trained": state(0), "after 4 rounds": state(1)},
        "real": {"samples": {"num_samples": 10, "bleu_2": 0.9876, "bleu_5": 0.5, "share_copied": 0.0}},
    }
    if on_oracle:
        found["real"] |= {"oracle_against_itself": 8.7654, "num_oracle_samples": 40_000}
    return found


def swept():
    """(report with a sweep, sweeps, comparisons)."""
    sweeps = {"pre-trained": sweep(), "after 4 rounds": sweep(-0.25)}
    found = report() | {"sweep": {"quality": "NLL-oracle", **{name: plain(s) for name, s in sweeps.items()}}}
    names = ("after 4 rounds", "pre-trained")
    return found, sweeps, {names: compare_at_equal_nll(*(sweeps[name] for name in names))}


def sections(text):
    """{heading: text under it}."""
    parts = [part.split("\n", 1) for part in ("\n" + text).split("\n#")[1:]]
    return {head.lstrip("# "): body for head, body in parts}


def table(text):
    """{first cell: {column: cell}} of the first table in a text; a bar in a cell has a backslash before it."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    head, rule, *rows = cells
    assert set(rule) == {"---"}
    assert {len(row) for row in rows} == {len(head)} == {len(rule)}
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def read_json(directory):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads((directory / "report.json").read_text(encoding="utf-8"), parse_constant=refuse)


def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


# report.md


def test_the_returned_text_is_that_of_report_md(tmp_path):
    text = markdown.write_evaluation(tmp_path / "report", report(), {}, {})
    assert (tmp_path / "report" / "report.md").read_text(encoding="utf-8") == text
    assert text.startswith("# Evaluation of runs/a\n")
    assert "400 samples at temperature 1, seed 7, against 300 fresh sequences of the oracle." in text
    assert "were cut" not in text
    cut = markdown.write_evaluation(tmp_path / "report", report() | {"num_cut": 3}, {}, {})
    assert "against 300 fresh sequences of the oracle. 3 of them were cut." in cut


def test_the_likelihoods_are_shown_with_standard_errors_and_with_those_of_the_oracle(tmp_path):
    text = markdown.write_evaluation(tmp_path / "report", report(), {}, {})
    found = table(sections(text)["Likelihood"])
    assert list(found) == ["pre-trained", "after 4 rounds", "the oracle against itself"]
    assert found["pre-trained"] == {
        "NLL-test": "1.001 +- 0.010",
        "NLL-oracle": "2.002 +- 0.020",
        "entropy of G": "4.004 +- 0.040",
        "KL(O||G)": "5.005 +- 0.050",
        "KL(G||O)": "6.006 +- 0.060",
        "JSD": "7.007 +- 0.070",
    }
    assert found["after 4 rounds"]["KL(O||G)"] == "6.005 +- 0.050"
    assert list(found["the oracle against itself"].values()) == ["8.765"] * 3 + ["0"] * 3


def test_the_likelihoods_of_a_text_have_neither_oracle_nor_errors(tmp_path):
    found = report(on_oracle=False)
    for number, current in enumerate(found["states"].values()):
        current["likelihood"] = {"nll_test": 3.1 + number, "generator_entropy": 2.5, "num_real": 4, "num_generated": 5}
    text = markdown.write_evaluation(tmp_path / "report", found, {}, {})
    assert table(sections(text)["Likelihood"]) == {
        "pre-trained": {"NLL-test": "3.100", "entropy of G": "2.500"},
        "after 4 rounds": {"NLL-test": "4.100", "entropy of G": "2.500"},
    }
    assert "NLL-oracle" not in text


def test_the_ngram_metrics_are_shown_with_those_of_real_sequences(tmp_path):
    text = markdown.write_evaluation(tmp_path / "report", report(), {}, {})
    assert table(sections(text)["n-grams"]) == {
        "num_samples": {"pre-trained": "300", "after 4 rounds": "300", "real against real": "10"},
        "bleu_2": {"pre-trained": "0.900", "after 4 rounds": "0.910", "real against real": "0.988"},
        "bleu_5": {"pre-trained": "-", "after 4 rounds": "-", "real against real": "0.500"},
        "share_copied": {"pre-trained": "0.125", "after 4 rounds": "0.125", "real against real": "0.000"},
    }


def test_without_the_training_data_the_report_leaves_them_out(tmp_path):
    found = report() | {"real": {}}
    for current in found["states"].values():
        del current["samples"]["share_copied"], current["discriminator"]["training real"]
    text = markdown.write_evaluation(tmp_path / "report", found, {}, {})
    assert "real against real" not in text
    assert "training real" not in text.replace("trained on", "")
    assert list(table(sections(text)["The discriminator"])) == [
        "pre-trained, held-out real",
        "after 4 rounds, held-out real",
    ]


def test_the_discriminator_is_measured_on_both_kinds_of_real_sequences(tmp_path):
    text = markdown.write_evaluation(tmp_path / "report", report(), {}, {})
    found = table(sections(text)["The discriminator"])
    assert len(found) == 4
    assert found["after 4 rounds, held-out real"] == {
        "right on real": "0.600",
        "right on generated": "0.710",
        "AUC": "0.800",
        "log loss": "0.500",
        "calibration error": "0.250",
    }
    assert found["pre-trained, training real"]["AUC"] == "0.950"


def test_the_reverse_language_model_is_reported_where_it_was_measured(tmp_path):
    plain_report = markdown.write_evaluation(tmp_path / "report", report(), {}, {})
    assert "Reverse language model" not in plain_report
    found = report()
    measured = {"epochs": 3, "num_generated": 400, "num_real": 300}
    found["states"]["after 4 rounds"]["reverse_lm"] = {"nll": 9.125} | measured
    found["real"]["reverse_lm"] = {"nll": 9.0625} | measured | {"num_generated": 350}
    text = markdown.write_evaluation(tmp_path / "report", found, {}, {})
    assert table(sections(text)["Reverse language model"]) == {
        "after 4 rounds": {
            "reverse-LM NLL": "9.125",
            "training sequences": "400",
            "held-out sequences": "300",
        },
        "real training sequences": {
            "reverse-LM NLL": "9.062",
            "training sequences": "350",
            "held-out sequences": "300",
        },
    }


def test_the_samples_are_shown_unchanged(tmp_path):
    text = markdown.write_evaluation(tmp_path / "report", report(), {}, {})
    found = sections(text)
    assert found["Samples after 4 rounds, temperature 0.7"].strip() == "red cat 1"
    assert "\n    blue | dog\n    *bird*\n" in found["Samples pre-trained, temperature 1.0"]


def test_the_sweep_is_a_table_for_each_state_and_a_conclusion(tmp_path):
    text = markdown.write_evaluation(tmp_path / "report", *swept(), quality=NLL_ORACLE)
    found = sections(text)
    # The rows are 0.00, 0.01 and 0.02 apart: Student's t of two degrees of freedom, 4.303, times 0.01 / sqrt(3).
    assert table(found["after 4 rounds"])["1.5"] == {"NLL-test": "9.510 +- 0.025", "NLL-oracle": "8.760 +- 0.025"}
    assert list(table(found["pre-trained"])) == ["0.8", "1", "1.5", "2"]
    equal = found["At equal NLL-test"]
    assert "after 4 rounds against pre-trained at equal NLL-test, 9.02 to 10.50: NLL-oracle differs by -0.250" in equal
    assert "better at 9 of 9 points" in equal
    differences = [row["difference in NLL-oracle"] for row in table(equal).values()]
    assert differences == ["-0.250 +- 0.000"] * 9


def test_a_sweep_of_one_seed_has_no_bands(tmp_path):
    found, _, _ = swept()
    sweeps = {name: sweep(shift, seeds=(1,)) for name, shift in (("a", 0.0), ("b", 0.5))}
    comparisons = {("b", "a"): compare_at_equal_nll(sweeps["b"], sweeps["a"])}
    text = markdown.write_evaluation(tmp_path / "report", found, sweeps, comparisons, quality=NLL_ORACLE)
    assert table(sections(text)["a"])["1"] == {"NLL-test": "9.000", "NLL-oracle": "10.000"}
    assert "With one seed there is no confidence band" in text
    assert read_json(tmp_path / "report")["at_equal_nll_test"][0]["half_width"] == [None] * 9


# report.json


def test_report_json_contains_all_metrics(tmp_path):
    found, sweeps, comparisons = swept()
    markdown.write_evaluation(tmp_path / "report", found, sweeps, comparisons, quality=NLL_ORACLE)
    read = read_json(tmp_path / "report")
    assert read.pop("version") == seqgan_tf.__version__
    (equal,) = read.pop("at_equal_nll_test")
    assert read == json.loads(json.dumps(found))
    assert read["sweep"]["after 4 rounds"]["quality"][0] == [10.75, 9.75, 8.75, 8.25]
    assert equal["of"] == ["after 4 rounds", "pre-trained"]
    assert equal["difference"] == pytest.approx([-0.25] * 9)
    assert equal["paired"] is True


def test_report_json_has_null_instead_of_nan(tmp_path):
    found = report()
    found["states"]["pre-trained"]["samples"]["bleu_2"] = math.nan
    found["states"]["pre-trained"]["likelihood"]["nll_test"] = np.float64(9.5)
    with pytest.raises(ValueError, match="Out of range float"):
        json.dumps(found, allow_nan=False)
    markdown.write_evaluation(tmp_path / "report", found, {}, {})
    read = read_json(tmp_path / "report")["states"]["pre-trained"]
    assert read["samples"]["bleu_2"] is None
    assert read["likelihood"]["nll_test"] == 9.5


# Plots


def test_report_md_shows_the_plots(tmp_path):
    text = markdown.write_evaluation(tmp_path / "report", *swept(), quality=NLL_ORACLE)
    assert names_in(tmp_path / "report") == ["calibration.png", "report.json", "report.md", "sweep.png"]
    assert "![calibration](calibration.png)" in text
    assert "![quality against NLL-test](sweep.png)" in text
    text = markdown.write_evaluation(tmp_path / "report", report(), {}, {})
    assert names_in(tmp_path / "report") == ["calibration.png", "report.json", "report.md"]
    assert "sweep.png" not in text


def test_the_plot_of_the_sweep_gets_the_published_curves_and_the_entropy_of_the_oracle(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(plots, "plot_quality_diversity", lambda *settings: calls.append(settings))
    published = {"MLE": np.array([(9.0, 10.0)])}
    found, sweeps, comparisons = swept()
    markdown.write_evaluation(tmp_path / "report", found, sweeps, comparisons, published, quality=NLL_ORACLE)
    ((curves, quality, path, drawn, entropy),) = calls
    assert (curves, quality, path.name, drawn, entropy) == (sweeps, NLL_ORACLE, "sweep.png", published, 8.7654)


def test_without_matplotlib_the_report_is_written_without_plots(tmp_path, monkeypatch):
    with_pictures = markdown.write_evaluation(tmp_path / "a", *swept(), quality=NLL_ORACLE)
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    text = markdown.write_evaluation(tmp_path / "b", *swept(), quality=NLL_ORACLE)
    assert names_in(tmp_path / "b") == ["report.json", "report.md"]
    assert "![" not in text
    assert with_pictures.startswith(text.rstrip("\n"))
    assert read_json(tmp_path / "a") == read_json(tmp_path / "b")
    markdown.write_comparison(tmp_path / "c", comparison())
    assert names_in(tmp_path / "c") == ["report.json", "report.md"]


# Whole or not at all


def test_a_new_report_replaces_the_old_one(tmp_path):
    markdown.write_evaluation(tmp_path / "deep" / "report", *swept(), quality=NLL_ORACLE)
    (tmp_path / "deep" / "report" / "notes.txt").write_text("of the old one")
    markdown.write_evaluation(tmp_path / "deep" / "report", report(), {}, {})
    assert names_in(tmp_path / "deep") == ["report"]
    assert "sweep" not in read_json(tmp_path / "deep" / "report")
    assert names_in(tmp_path / "deep" / "report") == ["calibration.png", "report.json", "report.md"]


@pytest.mark.parametrize("error", [RuntimeError("no space"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
@pytest.mark.parametrize("step", ["plot_calibration", "_write"])
def test_an_error_while_writing_leaves_the_old_report_as_it_is(step, error, tmp_path, monkeypatch):
    def fail(*_):
        raise error

    directory = tmp_path / "report"
    markdown.write_evaluation(directory, report(), {}, {})
    before = {path: path.read_bytes() for path in directory.iterdir()}
    module = plots if step == "plot_calibration" else markdown
    monkeypatch.setattr(module, step, fail)
    with pytest.raises(type(error)):
        markdown.write_evaluation(directory, report() | {"run": "another"}, {}, {})
    assert {path: path.read_bytes() for path in directory.iterdir()} == before
    assert names_in(tmp_path) == ["report"]


def test_a_value_that_json_cannot_represent_leaves_no_report(tmp_path):
    with pytest.raises(TypeError):
        markdown.write_evaluation(tmp_path / "report", report() | {"seed": object()}, {}, {})
    assert names_in(tmp_path) == []


def test_a_report_is_written_after_an_interrupted_one(tmp_path):
    (tmp_path / ".report.interrupted" / "new").mkdir(parents=True)
    (tmp_path / ".report.interrupted" / "new" / "half.md").write_text("half")
    (tmp_path / "report").mkdir()
    markdown.write_evaluation(tmp_path / "report", report(), {}, {})
    assert names_in(tmp_path) == [".report.interrupted", "report"]
    assert names_in(tmp_path / "report") == ["calibration.png", "report.json", "report.md"]


def test_a_report_that_cannot_be_written_is_refused_by_name(tmp_path):
    (tmp_path / "report").write_text("a file")
    with pytest.raises(InputError, match=f"{tmp_path / 'report'}: expected a directory. Received: a file"):
        markdown.write_evaluation(tmp_path / "report", report(), {}, {})


def test_a_sweep_without_its_metric_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"`quality` must be the metric that the sweeps show. Received: None"):
        markdown.write_evaluation(tmp_path / "report", *swept())
    assert names_in(tmp_path) == []


# A comparison


def comparison():
    curves = {"pre-trained": sweep(), "after 4 rounds": sweep(-0.25), "after 4 rounds, noise control": sweep(0.5)}
    runs = {"pre-trained": ["a", "b", "c"], "after 4 rounds": ["a", "b", "c"], "after 4 rounds, noise control": ["n"]}
    differences = {
        name: compare_at_equal_nll(curve, curves["pre-trained"])
        for name, curve in curves.items()
        if name != "pre-trained"
    }
    return Comparison(NLL_ORACLE, curves, runs, differences)


def test_a_comparison_contains_its_curves_and_their_differences(tmp_path):
    text = markdown.write_comparison(tmp_path / "report", comparison())
    assert names_in(tmp_path / "report") == ["report.json", "report.md", "sweep.png"]
    found = sections(text)
    assert "400 samples at each temperature, against 300 held-out sequences." in found["Comparison of runs"]
    assert "- **after 4 rounds, noise control**: n\n" in found["Comparison of runs"]
    assert "- **pre-trained**: a, b, c\n" in found["Comparison of runs"]
    at_one = table(found["At temperature 1"])
    assert at_one["pre-trained"] == {"seeds": "3", "NLL-test": "9.010 +- 0.025", "NLL-oracle": "10.010 +- 0.025"}
    assert at_one["after 4 rounds"]["NLL-oracle"] == "9.760 +- 0.025"
    equal = found["At equal NLL-test"]
    assert "after 4 rounds against pre-trained at equal NLL-test" in equal
    assert "differs by -0.250 to -0.250; better at 9 of 9 points" in equal
    assert "after 4 rounds, noise control against pre-trained at equal NLL-test" in equal
    assert "differs by +0.500 to +0.500; worse at 9 of 9 points: sampling pre-trained at a lower temperature" in equal
    for name in comparison().curves:
        assert list(table(found[name])) == ["0.8", "1", "1.5", "2"]


def test_the_json_of_a_comparison_contains_every_row(tmp_path):
    markdown.write_comparison(tmp_path / "report", comparison())
    read = read_json(tmp_path / "report")
    assert (read["version"], read["quality"]) == (seqgan_tf.__version__, "NLL-oracle")
    assert read["runs"] == comparison().runs
    assert read["curves"]["pre-trained"]["seeds"] == [0, 1, 2]
    assert read["curves"]["pre-trained"]["nll_test"][2] == pytest.approx([9.42, 9.02, 9.52, 10.52])
    assert list(read["differences"]) == ["after 4 rounds", "after 4 rounds, noise control"]
    assert read["differences"]["after 4 rounds, noise control"]["difference"] == pytest.approx([0.5] * 9)
