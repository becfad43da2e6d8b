"""Plots, and the published curves that they show for comparison."""

import struct
import sys

import matplotlib.colors
import numpy as np
import pytest

from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR, PRETRAIN_GENERATOR
from seqgan_tf.core.validation import InputError, MissingExtraError
from seqgan_tf.metrics.calibration import discriminator_health
from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.metrics.sweep import TemperatureSweep
from seqgan_tf.reports import plots
from seqgan_tf.runs.training import INITIAL

ACCURACIES = ("held_out_real_accuracy", "held_out_generated_accuracy")


@pytest.fixture
def figures(monkeypatch):
    """The matplotlib figures that are drawn, in order."""
    kept, make = [], plots.new_figure

    def keep(**settings):
        kept.append(make(**settings))
        return kept[-1]

    monkeypatch.setattr(plots, "new_figure", keep)
    return kept


def assert_is_a_picture(path):
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert content[12:16] == b"IHDR"
    width, height = struct.unpack(">II", content[16:24])
    assert 550 < width < 2000
    assert 400 < height < 2000
    assert len(content) > 10_000  # an empty picture of this size has 3,000


def lines(axes):
    """{label: [points, 2]} of the lines with a label of their own."""
    return {line.get_label(): line.get_xydata() for line in axes.lines if not line.get_label().startswith("_")}


def row(phase, step, seconds, nll_test, nll_oracle=None, accuracies=()):
    values = {"phase": phase, "step": step, "seconds": seconds, "nll_test": nll_test}
    return (
        values
        | ({} if nll_oracle is None else {"nll_oracle": nll_oracle})
        | dict(zip(ACCURACIES[: len(accuracies)], accuracies, strict=True))
    )


def rows_of_a_run(on_oracle=True):
    rows = [
        row(INITIAL, 0, 1.0, 9.5, 11.0),
        row(PRETRAIN_GENERATOR, 1, 5.0, 9.2, 10.5),
        row(PRETRAIN_GENERATOR, 2, 10.0, 9.0, 10.0),
        row(PRETRAIN_DISCRIMINATOR, 300, 30.0, 9.0, 10.0, (0.7, 0.9)),
        row(ADVERSARIAL, 5, 50.0, 9.05, 9.9, (0.6, 0.8)),
        row(ADVERSARIAL, 10, 80.0, 9.3, 9.4, (0.5, 0.74)),
    ]
    return rows if on_oracle else [{k: v for k, v in row.items() if k != "nll_oracle"} for row in rows]


# A run over time


@pytest.mark.parametrize("on_oracle", [True, False], ids=["oracle", "text"])
def test_the_curves_of_a_run_show_its_rows(on_oracle, figures, tmp_path):
    rows = rows_of_a_run(on_oracle)
    plots.plot_curves(rows, tmp_path / "curves.png")
    assert_is_a_picture(tmp_path / "curves.png")
    likelihood, accuracy = figures[0].axes
    labels = {"NLL-test (held-out data)": "nll_test", "NLL-oracle (samples)": "nll_oracle"}
    drawn = lines(likelihood)
    assert list(drawn) == list(labels)[: 1 + on_oracle]
    for label, points in drawn.items():
        np.testing.assert_allclose(points, [(row["seconds"], row[labels[label]]) for row in rows])
    for name, (label, points) in zip(ACCURACIES, lines(accuracy).items(), strict=True):
        assert label == {"held_out_real_accuracy": "real sequences"}.get(name, "generated sequences")
        np.testing.assert_allclose(points, [(row["seconds"], row[name]) for row in rows[3:]])
    # The untrained start may lie outside; everything later is inside.
    low, high = likelihood.get_ylim()
    assert low < 9.0
    assert high > (10.5 if on_oracle else 9.3)
    assert high < (11.0 if on_oracle else 9.5)


def test_the_phases_are_named_at_their_time(figures, tmp_path):
    plots.plot_curves(rows_of_a_run(), tmp_path / "curves.png")
    names = {text.get_text().replace("\n", " "): text.xy[0] for text in figures[0].axes[0].texts}
    assert names == {
        PRETRAIN_GENERATOR: (1 + 10) / 2,
        PRETRAIN_DISCRIMINATOR: (10 + 30) / 2,
        ADVERSARIAL: (30 + 80) / 2,
    }


def test_a_run_of_one_row_can_be_drawn(tmp_path):
    plots.plot_curves(rows_of_a_run()[:1], tmp_path / "curves.png")
    assert_is_a_picture(tmp_path / "curves.png")


# Quality against NLL-test


def sweep(nll_test, quality):
    nll_test, quality = np.atleast_2d(nll_test).astype(float), np.atleast_2d(quality).astype(float)
    return TemperatureSweep(np.array([0.8, 1.0, 1.5]), nll_test, quality, tuple(range(len(nll_test))), 10, 20)


CURVES = {
    "maximum likelihood": sweep([[9.4, 9.0, 9.6], [9.6, 9.2, 9.8]], [[11.0, 10.0, 9.0], [11.2, 10.4, 9.2]]),
    "SeqGAN": sweep([9.3, 9.1, 9.9], [10.8, 9.9, 8.7]),
}


def test_a_curve_is_the_mean_over_its_seeds_with_a_dot_at_alpha_1(figures, tmp_path):
    plots.plot_quality_diversity(CURVES, METRICS["nll_oracle"], tmp_path / "sweep.png")
    assert_is_a_picture(tmp_path / "sweep.png")
    (axes,) = figures[0].axes
    drawn = lines(axes)
    assert list(drawn) == ["maximum likelihood (2 seeds)", "SeqGAN (1 seed)"]
    np.testing.assert_allclose(drawn["maximum likelihood (2 seeds)"], [(9.5, 11.1), (9.1, 10.2), (9.7, 9.1)])
    np.testing.assert_allclose(drawn["SeqGAN (1 seed)"], [(9.3, 10.8), (9.1, 9.9), (9.9, 8.7)])
    dots = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o" and len(line.get_xydata()) == 1]
    np.testing.assert_allclose(dots, [(9.1, 10.2), (9.1, 9.9)])
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert left < 9.1 < 9.7 < right  # as far as the first curve goes
    assert low < 9.1 < 11.1 < high
    thin = [line.get_xydata() for line in axes.lines if line.get_linewidth() < 1]
    np.testing.assert_allclose(np.mean(thin, axis=0), drawn["maximum likelihood (2 seeds)"])
    assert len(thin) == 2


def test_the_bands_are_those_of_students_t_over_the_seeds(figures, tmp_path):
    plots.plot_quality_diversity(CURVES, METRICS["nll_oracle"], tmp_path / "sweep.png")
    (axes,) = figures[0].axes
    # Of two seeds a 95% band is 12.706 times their half distance.
    halves = {"x": 12.7062 * 0.1, "y": 12.7062 * 0.2}  # at alpha 1
    across, along = axes.collections[:2]  # matplotlib draws the bars along x first
    for collection, axis, half in ((across, 0, halves["x"]), (along, 1, halves["y"])):
        lengths = [np.ptp(segment[:, axis]) for segment in collection.get_segments()]
        np.testing.assert_allclose(lengths, [2 * half], rtol=1e-4)


@pytest.mark.parametrize(("key", "better"), [("nll_oracle", "lower left"), ("bleu_4", "upper left")])
def test_the_plot_says_which_corner_is_better(key, better, figures, tmp_path):
    quality = METRICS[key]
    plots.plot_quality_diversity(CURVES, quality, tmp_path / "sweep.png")
    (axes,) = figures[0].axes
    assert f"{better} is better" in axes.get_title()
    assert axes.get_ylabel().startswith(f"{quality.label} of samples")
    assert ("nats" in axes.get_ylabel()) == (key == "nll_oracle")


def test_published_curves_and_the_entropy_of_the_oracle_are_drawn_in_grey(figures, tmp_path):
    published = {"LeakGAN": np.array([(9.0, 10.0), (9.5, 9.0)]), "RankGAN": np.array([(9.2, 10.5)])}
    plots.plot_quality_diversity(CURVES, METRICS["nll_oracle"], tmp_path / "sweep.png", published, oracle_entropy=8.9)
    (axes,) = figures[0].axes
    drawn = {line.get_label(): line for line in axes.lines}
    for name, points in published.items():
        np.testing.assert_allclose(drawn["_" + name].get_xydata(), points)
        red, green, blue = matplotlib.colors.to_rgb(drawn["_" + name].get_color())
        assert red == green == blue
        assert name in [text.get_text() for text in axes.texts]
    assert [line.get_ydata() for line in axes.lines if list(line.get_ydata()) == [8.9, 8.9]]
    assert any("entropy of the oracle" in text.get_text() for text in axes.texts)


# Calibration


def test_the_points_of_a_calibration_are_its_bins(figures, tmp_path, rng):
    healths = {}
    for name, shift in (("pre-trained", 0.5), ("after 4 rounds", 2.0)):
        health = discriminator_health(rng.normal(shift, 1, 50), rng.normal(-shift, 1, 70))
        healths[name] = vars(health)
    plots.plot_calibration(healths, tmp_path / "calibration.png")
    assert_is_a_picture(tmp_path / "calibration.png")
    (axes,) = figures[0].axes
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)
    for (name, health), (label, points), dots in zip(
        healths.items(), lines(axes).items(), axes.collections, strict=True
    ):
        bins = np.array(health["bins"])
        np.testing.assert_allclose(points, bins[:, :2])
        np.testing.assert_allclose(dots.get_offsets(), bins[:, :2])
        areas = dots.get_sizes()
        assert np.array_equal(np.argsort(areas), np.argsort(bins[:, 2]))
        mean = (health["real_accuracy"] + health["generated_accuracy"]) / 2
        assert label == f"{name}: accuracy {100 * mean:.0f}%"
    assert np.array_equal(axes.lines[0].get_xydata(), [(0, 0), (1, 1)])  # the diagonal


# Without matplotlib


@pytest.mark.parametrize(
    "draw",
    [
        lambda path: plots.plot_curves(rows_of_a_run(), path),
        lambda path: plots.plot_quality_diversity(CURVES, METRICS["nll_oracle"], path),
        lambda path: plots.plot_calibration({"a": vars(discriminator_health([1.0], [-1.0]))}, path),
    ],
    ids=["curves", "quality", "calibration"],
)
def test_without_matplotlib_the_error_names_the_extra(draw, monkeypatch, tmp_path):
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"a plot needs matplotlib: pip install 'seqgan-tf\[plot\]'"):
        draw(tmp_path / "picture.png")
    assert list(tmp_path.iterdir()) == []


def test_a_plot_that_cannot_be_written_is_refused_by_name(tmp_path):
    path = tmp_path / "no" / "curves.png"
    with pytest.raises(InputError, match=rf"{path}: expected a place to write to"):
        plots.plot_curves(rows_of_a_run(), path)


# Published curves


def write(tmp_path, text):
    path = tmp_path / "published.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_published_curves_are_read_in_the_order_of_the_file(tmp_path):
    path = write(
        tmp_path,
        'source,nll_oracle,model,nll_test\nfig. 3,9.5,"Leak, GAN",8\nfig. 3,10.5,MLE,9\nfig. 3,9.25,"Leak, GAN",8.5\n',
    )
    curves = plots.read_published(path)
    assert list(curves) == ["Leak, GAN", "MLE"]
    assert curves["Leak, GAN"].tolist() == [[8.0, 9.5], [8.5, 9.25]]
    assert curves["MLE"].tolist() == [[9.0, 10.5]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("model,nll_test\nMLE,9\n", "expected the columns model, nll_test, nll_oracle. Missing: nll_oracle"),
        ("", "expected the columns model, nll_test, nll_oracle. Missing: model"),
        ("model,nll_test,nll_oracle\nMLE,9,10\nMLE,9,ten\n", "expected numbers in line 3. Received: .*'ten'"),
        ("model" * 100_000, r"expected a CSV file \(field larger than field limit"),
        ("model,nll_test,nll_oracle\nMLE,9\n", "expected numbers in line 2. Received: .*None"),
        ("model,nll_test,nll_oracle\nMLE,,9\n", "expected numbers in line 2. Received: .*''"),
        ("model,nll_test,nll_oracle\n", "expected at least one curve. Received: none"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "expected UTF-8 text. Received: byte 0x89 at 0"),
    ],
)
def test_a_file_without_curves_is_refused_by_name(content, message, tmp_path):
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=rf"{path}: {message}"):
        plots.read_published(path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    for path in (tmp_path / "no.csv", tmp_path):
        with pytest.raises(InputError, match=rf"{path}: expected a CSV file that can be read"):
            plots.read_published(path)


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_point_that_was_not_measured_is_left_out_of_a_published_curve(number, tmp_path):
    path = write(tmp_path, f"model,nll_test,nll_oracle\nMLE,9,{number}\nMLE,8,7\n")
    np.testing.assert_array_equal(plots.read_published(path)["MLE"], [[8, 7]])
