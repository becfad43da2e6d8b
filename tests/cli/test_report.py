"""`seqgan-tf report`."""

import sys

FEW = ("--samples", 20, "--explained", 1, "--rollouts", 2)


def test_a_page_is_written(run, copies, tmp_path):
    directory = copies[0]
    code, out, err = run("report", directory, *FEW)
    assert (code, out, err) == (0, f"written to {directory / 'report.html'}\n", "")
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<img") == 3
    path = tmp_path / "other.html"
    assert run("report", directory, "--output", path, *FEW)[0] == 0
    assert "<h2>Environment</h2>" in path.read_text(encoding="utf-8")


def test_wrong_arguments(refused, text, tmp_path, monkeypatch):
    message = "seqgan-tf: `samples` must be at least 2. Received: 1\n"
    assert refused("report", text.directory, "--samples", 1) == message
    message = f"seqgan-tf: {tmp_path}: expected a run directory, with a config.toml. Received: none\n"
    assert refused("report", tmp_path) == message
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    message = "seqgan-tf: a report needs matplotlib: pip install 'seqgan-tf[plot]'\n"
    assert refused("report", text.directory) == message
