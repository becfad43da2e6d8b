"""The command line on data with conditions."""

import pytest
import tiny_runs

import seqgan_tf as sg


@pytest.fixture(scope="module")
def pairs(base):
    """The directory of a finished run on pairs; not to be written to."""
    made = tiny_runs.pairs_run(base)
    assert (made.code, made.err) == (0, "")
    return made


def test_a_run_shows_its_samples_beside_their_conditions(pairs):
    assert "36 sequences of train.de, 5 tokens" in pairs.out
    assert "D right on mismatched" in pairs.out
    shown = [line.split() for line in pairs.out.splitlines() if line.startswith("  ")]
    given = [words[0] for words in shown if words and words[0] in tiny_runs.COLOURS]
    assert len(given) == 4  # as many as are held out


def test_a_condition_gives_samples_of_its_own(run, pairs):
    code, out, err = run("generate", pairs.directory, "--condition", "rot katze", "--seed", "3")
    assert (code, err, out.count("\n")) == (0, "", 5)
    opened = sg.load_run(pairs.directory)
    condition = opened.source.conditions.encode(["rot katze"] * 5)
    expected = opened.gan.generate(condition=condition, seed=3, suppress_tokens=opened.source.suppressed_tokens)
    assert out.splitlines() == opened.decode(expected)


def test_a_file_of_conditions_gives_a_line_for_each(run, pairs, tmp_path):
    path = tmp_path / "conditions.txt"
    path.write_text("rot katze\nblau\ngruen hund\n")
    assert run("generate", pairs.directory, "--condition-file", path)[1].count("\n") == 3
    twice = run("generate", pairs.directory, "--condition-file", path, "--num-samples", "2")[1].splitlines()
    assert len(twice) == 6
    _, found, _ = run("generate", pairs.directory, "--condition-file", path, "--num-beams", "4")
    opened = sg.load_run(pairs.directory)
    condition = opened.source.conditions.encode(["rot katze", "blau", "gruen hund"])
    suppressed = opened.source.suppressed_tokens
    expected = opened.gan.generate(condition=condition, num_beams=4, suppress_tokens=suppressed)
    assert found.splitlines() == opened.decode(expected)


def test_turns_of_a_dialogue_are_separated_by_tab(run, base):
    directory = tiny_runs.dialogue_run(base).directory
    _, out, _ = run("generate", directory, "--condition", "red cat\tblue bird", "--temperature", "0")
    opened = sg.load_run(directory)
    condition = opened.source.conditions.encode(["red cat\nblue bird"])
    suppressed = opened.source.suppressed_tokens
    expected = opened.gan.generate(condition=condition, temperature=0.0, suppress_tokens=suppressed)
    assert set(out.splitlines()) == set(opened.decode(expected))


def test_a_label_is_a_condition(run, base):
    directory = tiny_runs.labels_run(base).directory
    assert run("generate", directory, "--condition", "sad")[1].count("\n") == 5
    code, out, err = run("generate", directory, "--condition", "bored")
    assert (code, out) == (2, "")
    assert err == "seqgan-tf: expected one of the labels 'happy', 'sad'. Received: 'bored'\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "{directory}: this run needs --condition or --condition-file. Received: neither"),
        (
            ["--condition", "rot", "--condition-file", "x"],
            "--condition takes one condition. Received: --condition-file too",
        ),
        (["--condition-file", "no.txt"], "no.txt: expected a text file that can be read (No such file or directory)"),
        (
            ["--condition", "rot", "--num-beams", "2", "--num-samples", "3"],
            "--num-beams gives one text per condition. Received: --num-samples too",
        ),
        (["--condition", "rot", "--num-beams", "0"], "`num_beams` must be at least 1. Received: 0"),
        (
            ["--condition", "rot", "--num-beams", "2", "--temperature", "0.5"],
            "`num_beams` must be 1 for a prompt and for settings of sampling. Received: beam search",
        ),
    ],
)
def test_what_generate_refuses(flags, message, run, pairs):
    code, out, err = run("generate", pairs.directory, *flags)
    assert (code, out, err) == (2, "", f"seqgan-tf: {message.format(directory=pairs.directory)}\n")


def test_a_run_without_conditions_takes_none(run, text):
    code, _, err = run("generate", text.directory, "--condition", "rot")
    assert (code, err) == (2, "seqgan-tf: --condition needs a run with conditions. Received: a run without\n")


def test_sides_of_different_length_are_refused_before_anything_is_written(run, tmp_path):
    sources, targets = tiny_runs.write_pairs(tmp_path)
    targets.write_text(targets.read_text() + "one more\n")
    code, _, err = run("train", "--data", sources, "--target", targets, "--output-dir", tmp_path / "run")
    expected = f"{targets}: expected 40 lines, as many as in {sources}, its other side. Received: 41"
    assert (code, err) == (2, f"seqgan-tf: {expected}\n")
    assert not (tmp_path / "run").exists()


def test_evaluate_reports_the_scores(run, pairs, base, tmp_path):
    import shutil

    directory = shutil.copytree(pairs.directory, tmp_path / "run")
    code, out, err = run("evaluate", directory, "--samples", "4")
    assert (code, err) == (0, "")
    assert "| pre-trained, beam 4 |" in out
    assert "greedy, shuffled conditions" in (directory / "evaluation" / "report.md").read_text()
    sides = ["--data", base / "train.de", "--target", base / "train.en"]
    assert "against 40 lines of train.de" in run("evaluate", directory, *sides)[1]


def test_a_damaged_record_among_many_is_a_note(run, tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("prompt\tcompletion\n" + "rot katze\tred cat\n" * 120 + "rot\t\n")
    flags = [*tiny_runs.FLAGS, *tiny_runs.CONDITIONAL_FLAGS, "--adversarial.rounds", "1", "--pretrain.epochs", "1"]
    code, out, _ = run("train", "--data", path, "--output-dir", tmp_path / "run", *flags)
    assert code == 0
    assert f"{path}: 1 of 121 records are damaged and were skipped, the first in line 122: the field" in out
