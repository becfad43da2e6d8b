"""A run as one page of HTML: its curves, samples, discriminator, settings and environment.

It reads the run directory, and measures the weights of the last checkpoint.
"""

import dataclasses
import os
import platform
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf import __version__
from seqgan_tf.core.conditions import first_rows
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.reports import html, plots
from seqgan_tf.reports.conclusions import conclusion
from seqgan_tf.reports.data import EvaluationData, read_evaluation_data
from seqgan_tf.reports.evaluate import healths
from seqgan_tf.reports.explain import ROLLOUTS, explain
from seqgan_tf.reports.explanation_page import STYLE, explanation_parts
from seqgan_tf.reports.markdown import HEALTH
from seqgan_tf.reports.samples_over_time import Samples, plot_diversity, read_samples
from seqgan_tf.reports.settings import EvaluationSettings
from seqgan_tf.reports.tables import number
from seqgan_tf.runs.health import warnings_of
from seqgan_tf.runs.rows import last_of_each_phase
from seqgan_tf.runs.toml import CONFIG, read_toml

if TYPE_CHECKING:
    from seqgan_tf.runs.checkpoints import RunState
    from seqgan_tf.runs.directory import Run

SHOWN, EVALUATIONS = 3, 10
"""Samples of an evaluation, and about as many evaluations, on the page."""


@dataclasses.dataclass(frozen=True)
class ReportSettings:
    """What the page of a run measures.

    Attributes:
        samples: samples, and most held-out sequences, that the discriminator is measured on.
        explained: samples whose tokens are explained.
        rollouts: completions of each beginning of these.
        seed: of the samples and of the roll-outs.

    Example:
    ```python
    from seqgan_tf.reports.run_page import ReportSettings

    settings = ReportSettings(explained=1, rollouts=4)
    ```
    """

    samples: int = 500
    explained: int = 3
    rollouts: int = ROLLOUTS
    seed: int = 1


def run_page(run: "Run", state: "RunState", settings: ReportSettings | None = None) -> str:
    """The page of a run. It needs no other file, and no network.

    Args:
        run: the run.
        state: its state, as `run.restore()` returns it.
        settings: what is measured. Defaults to None: `ReportSettings()`.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: a setting is out of its range, or a file of the run is damaged.

    Example:
    ```python
    import pathlib

    import seqgan_tf as sg
    from seqgan_tf.reports.run_page import run_page

    run = sg.load_run("runs/poems")
    pathlib.Path("page.html").write_text(run_page(run, run.restore()))
    ```
    """
    settings = settings or ReportSettings()
    check_at_least(1, explained=settings.explained, rollouts=settings.rollouts)
    check_at_least(2, samples=settings.samples)
    samples = read_samples(run.directory, state.rows, run.settings.task)
    parts = [*_training(state), *_samples(run, samples)]
    if state.has_trained_discriminator:
        parts += _measured(run, settings)
    config = read_toml(run.directory / CONFIG)
    return html.page(f"Run {run.directory.name}", [*parts, *_settings(config), *_environment(config, state)], STYLE)


def _training(state: "RunState") -> Iterator[str]:
    """The curves, and what is to be known of them."""
    yield "<h2>Training</h2>"
    if not state.rows:
        yield html.paragraph("The run has not been evaluated yet.")
        return
    if said := conclusion(state.rows):
        yield html.paragraph(said)
    yield from (html.paragraph(f"Warning: {text}") for text in warnings_of(state.rows).values())
    yield html.plot(plots.png_of(lambda path: plots.plot_curves(state.rows, path)), "curves of the training")


def _samples(run: "Run", samples: list[Samples]) -> Iterator[str]:
    """Samples of each evaluation, and their diversity."""
    if not samples:
        return
    yield "<h2>Samples over time</h2>"
    has_condition = run.source.conditions is not None
    rows = [
        [html.escape(each.phase), str(each.step), "".join(_sample(text, has_condition) for text in each.texts[:SHOWN])]
        for each in [*samples[: -1 : -(-len(samples) // EVALUATIONS)], samples[-1]]
    ]
    yield html.table(["phase", "step", "first samples"], rows, (1,))
    if run.tokenizer is None and run.oracle is None:  # tunes are not written as words
        return
    yield "<h2>Diversity of n-grams</h2>"
    yield html.paragraph(
        f"Number of different n-grams of words / number of n-grams, of the {len(samples[-1].texts)} samples of each "
        "evaluation."
    )
    yield html.plot(plots.png_of(lambda path: plot_diversity(samples, path)), "diversity of n-grams")


def _sample(text: str, has_condition: bool) -> str:
    """A sample; above it its condition, which is before the last TAB."""
    condition, _, sample = text.rpartition("\t") if has_condition else ("", "", text)
    note = f'<div class="note">{html.escape(condition)}</div>' if condition else ""
    return f"{note}<pre>{html.escape(sample)}</pre>"


def _measured(run: "Run", settings: ReportSettings) -> Iterator[str]:
    """The discriminator, and new samples with the credit of each token."""
    data: EvaluationData | None = None
    reason = ""
    try:
        data = read_evaluation_data(run, EvaluationSettings(settings.samples, settings.seed))
    except InputError as error:
        reason = str(error)
    condition = None if data is None else data.condition
    yield "<h2>Discriminator</h2>"
    if data is None:
        yield html.paragraph(f"Not measured, since the data of the run cannot be read: {reason}")
    else:
        count = settings.samples if condition is None else None
        found = healths(run.gan, data, run.gan.generate(count, settings.seed, condition=condition))
        yield html.paragraph(f"Measured on {data.description}, against as many new samples at most.")
        yield _health_table(found)
        yield html.plot(
            plots.png_of(lambda path: plots.plot_calibration(found, path)), "calibration of the discriminator"
        )
    if condition is None and run.source.conditions is not None:
        return
    given = first_rows(condition, settings.explained)
    drawn = run.gan.generate(
        settings.explained if given is None else None,
        settings.seed,
        condition=given,
        suppress_tokens=run.source.suppressed_tokens,
    )
    yield "<h2>Credit of each token</h2>"
    yield html.paragraph(
        "New samples; a strip shows what each token adds to the logit: blue for real, red for generated."
    )
    for found_of_one in explain(run, drawn, given, settings.rollouts, seed=settings.seed):
        yield f"<section>{''.join(explanation_parts(found_of_one))}</section>"


def _health_table(found: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [html.escape(METRICS[key].label), *(number(health.get(key)) for health in found.values())]
        for key in HEALTH
        if any(health.get(key) is not None for health in found.values())
    ]
    return html.table(["", *found], rows, range(1, 1 + len(found)))


def _settings(config: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Settings</h2>"
    yield html.table(["setting", "value"], [[html.escape(k), html.escape(v)] for k, v in _flat(config).items()])


def _environment(config: Mapping[str, Any], state: "RunState") -> Iterator[str]:
    """What the run took, and what this page was made with."""
    before, times = 0.0, []
    for row in last_of_each_phase(state.rows):
        times.append([html.escape(row["phase"]), f"{row['seconds'] - before:.1f} s"])
        before = row["seconds"]
    if times:
        yield "<h2>Times of the training</h2>"
        yield html.table(["phase", "time"], [*times, ["all", f"{before:.1f} s"]], (1,))
    devices = [
        tf.config.experimental.get_device_details(device).get("device_name", device.device_type)
        for device in tf.config.list_physical_devices()
    ]
    made = {
        "device": ", ".join(devices),
        "processors": f"{os.cpu_count()}, {platform.machine()}",
        "system": platform.system(),
        "Python": platform.python_version(),
        "seqgan_tf": __version__,
        "TensorFlow": tf.__version__,
        "Keras": keras.__version__,
        "NumPy": np.__version__,
    }
    yield "<h2>Environment</h2>"
    version = config.get("version", "unknown")
    yield html.paragraph(f"The run was made with seqgan_tf {version}, and this page with:")
    yield html.table(["", ""], [[html.escape(name), html.escape(value)] for name, value in made.items()])


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Settings as {name with the names of its tables: value}."""
    found: dict[str, str] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: str(value)}
    return found
