"""A piano roll shows the notes and the bars of a tune."""

import numpy as np
import pytest
from matplotlib.image import imread
from tiny_music import add_track, score, symusic

from seqgan_tf.data.tunes import Tune
from seqgan_tf.reports import plots


@pytest.fixture
def drawn(monkeypatch):
    """The axes of the pictures that are drawn."""
    found, save = [], plots.save_figure
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: (found.extend(figure.axes), save(figure, path)))
    return found


def test_every_note_is_a_bar_at_its_place(drawn, tmp_path):
    notes = [(0, 1, 60), (1.5, 0.5, 67), (4, 3, 72)]
    tune = Tune.of(add_track(score(notes), [(2, 0.25, 36)], is_drum=True))
    plots.plot_piano_roll(tune, tmp_path / "a.png")
    (axes,) = drawn
    shown = {}
    for bar in axes.patches:
        shown[bar.get_x(), bar.get_y() + bar.get_height() / 2] = (bar.get_width(), bar.get_facecolor())
    assert {place: width for place, (width, _) in shown.items()} == pytest.approx(
        {(start, pitch): length for start, length, pitch in [*notes, (2, 0.25, 36)]}
    )
    colors = {place: color for place, (_, color) in shown.items()}
    assert colors[2.0, 36.0] != colors[0.0, 60.0] == colors[4.0, 72.0]
    assert [line.get_xdata()[0] for line in axes.lines] == tune.bars.tolist() == [0, 4, 8]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["C2", "C3", "C4", "C5"]
    assert np.ptp(imread(tmp_path / "a.png")) > 0.5


@pytest.mark.parametrize("tune", [Tune.of(symusic.Score(96)), Tune(*(np.zeros(0),) * 3, np.zeros(0, bool))])
def test_a_tune_without_notes_is_drawn_too(tune, drawn, tmp_path):
    plots.plot_piano_roll(tune, tmp_path / "a.png")
    assert drawn[0].patches[:] == []
    assert (tmp_path / "a.png").stat().st_size > 0
