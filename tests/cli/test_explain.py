"""`seqgan-tf explain`."""

import json

import pytest
import tiny_runs

FEW = ("--rollouts", 2, "--top-k", 1)


def test_a_table_of_a_text(run, text):
    code, out, err = run("explain", text.directory, "--text", "red cat", *FEW)
    assert (code, err) == (0, "")
    assert "    red cat\n" in out
    for line in ("| 1 | red |", "| 2 | cat |", "| 3 | <end> |", "| from | n-gram |"):
        assert line in out


def test_json_of_samples(run, text):
    code, out, err = run("explain", text.directory, "--json", "-n", 2, "--seed", 3, *FEW)
    assert (code, err) == (0, "")
    found = json.loads(out)
    printed = run("generate", text.directory, "-n", 2, "--seed", 3)[1].splitlines()
    assert [each["text"] for each in found] == printed
    for each in found:
        total = sum(token["logit_share"] for token in each["tokens"]) + each["rest"] + each["gap"]
        assert total == pytest.approx(each["logit"])


def test_a_condition(run, base):
    directory = tiny_runs.pairs_run(base).directory
    code, out, err = run("explain", directory, "--condition", "rot katze", "--text", "red cat", "--json", *FEW)
    assert (code, err) == (0, "")
    (found,) = json.loads(out)
    assert (found["condition"], found["source"]) == ("rot katze", ["rot", "katze", "<end>"])


def test_wrong_arguments(refused, text, base, oracle_directory):
    directory = text.directory
    for flags, message in [
        (["--text", "red wolf"], "--text must hold tokens of the vocabulary only. Received: 'wolf'"),
        (["--text", "red " * 9], "--text must have at most 4 tokens, those of the model. Received: 9"),
        (["--text", "red", "-n", 2], "--num-samples is for samples of the run. Received: --text too"),
        (["-n", 0], "`num_samples` must be at least 1. Received: 0"),
        (["--rollouts", 0], "`rollouts` must be at least 1. Received: 0"),
        (["--top-k", 0], "`top_k` must be at least 1. Received: 0"),
        (["--condition", "rot"], "--condition needs a run with conditions. Received: a run without"),
    ]:
        assert refused("explain", directory, *flags) == f"seqgan-tf: {message}\n"
    pairs = tiny_runs.pairs_run(base).directory
    assert refused("explain", pairs) == f"seqgan-tf: {pairs}: this run needs --condition. Received: none\n"
    message = "seqgan-tf: --text needs a run on text. Received: a run on oracle\n"
    assert refused("explain", oracle_directory, "--text", "1 2") == message


def test_a_run_without_a_trained_discriminator(refused, tmp_path):
    from seqgan_tf.runs.directory import create_run

    made = create_run(tmp_path / "run", tiny_runs.oracle_settings(tmp_path))
    made.state().save()
    assert refused("explain", made.directory) == (
        f"seqgan-tf: {made.directory}: expected a run with a trained discriminator for explanations. "
        "Received: a run that has not trained one\n"
    )


def test_files(run, refused, text, tmp_path):
    for name, begin in (("page.html", b"<!DOCTYPE html>"), ("map.png", b"\x89PNG")):
        code, out, err = run("explain", text.directory, "--text", "red cat", "--output", tmp_path / name, *FEW)
        assert (code, out, err) == (0, f"written to {tmp_path / name}\n", "")
        assert (tmp_path / name).read_bytes().startswith(begin)
    message = f"seqgan-tf: --output must end with .html or .png. Received: {tmp_path / 'a.pdf'}\n"
    assert refused("explain", text.directory, "--output", tmp_path / "a.pdf") == message


def test_an_output_that_cannot_be_written_is_refused_before_the_work(refused, text, tmp_path, monkeypatch):
    import seqgan_tf.reports.run_page  # it must not take the explanations of this test

    monkeypatch.setattr(seqgan_tf.reports.run_page, "run_page", None)
    monkeypatch.setattr("seqgan_tf.reports.explain.explain", None)
    for command in ("explain", "report"):
        path = tmp_path / "none" / "page.html"
        message = f"seqgan-tf: {path}: expected a place to write to (No such file or directory)\n"
        assert refused(command, text.directory, "--output", path) == message


def test_json_of_an_image_has_its_grid_and_no_pixels(run, base):
    made = tiny_runs.captions_run(base)
    code, out, err = run("explain", made.directory, "--condition", made.data / "003.png", "--json", *FEW)
    assert (code, err) == (0, "")
    (found,) = json.loads(out)
    assert (found["condition"], found["grid"], "image" in found) == (str(made.data / "003.png"), [2, 2], False)
    assert len(found["attention"][0]) == 4
