"""The command line on token ids as text."""

import random
import shutil

import pytest
import tensorflow as tf
import tiny_runs

import seqgan_tf as sg

FLAGS = tiny_runs.FLAGS
LENGTH, SIZE = 5, 20


def write_ids(path, sizes):
    draw = random.Random(1)
    rows = [[draw.randrange(SIZE) for _ in range(draw.choice(sizes))] for _ in range(40)]
    path.write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module", params=[[LENGTH], [2, 3, 4]], ids=["equal", "unequal"])
def made(request, tmp_path_factory):
    """A finished run on ids of equal or unequal lengths: (directory, data, number of end tokens)."""
    from seqgan_tf.cli.main import main

    folder = tmp_path_factory.mktemp("ids")
    data = write_ids(folder / "real_data.txt", request.param)
    assert main(["train", "--data", str(data), "--level", "ids", "--output-dir", str(folder / "run"), *FLAGS]) == 0
    return folder / "run", data, int(len(request.param) > 1)


def test_the_token_ids_of_a_run_are_those_of_its_file(made):
    directory, data, num_end = made
    run = sg.load_run(directory)
    corpus = run.corpus
    lines = data.read_text().splitlines()
    rows = [row[row >= 0].tolist() for part in (corpus.train_token_ids, corpus.held_out_token_ids) for row in part]
    assert sorted(rows) == sorted([*map(int, line.split()), *[SIZE] * num_end] for line in lines)
    assert run.gan.generator.vocabulary_size == SIZE + num_end
    assert run.gan.generator.end_token_id == (SIZE if num_end else None)


def test_samples_are_lines_of_ids(made, run):
    directory, _, num_end = made
    code, out, err = run("generate", directory, "--num-samples", "30", "--prompt", "3 0")
    assert (code, err) == (0, "")
    rows = [[int(token) for token in line.split()] for line in out.splitlines()]
    assert all(row[:2] == [3, 0] and set(row) <= set(range(SIZE)) for row in rows)
    assert {len(row) for row in rows} == {LENGTH} or num_end
    assert (directory / "samples" / "adversarial-00004.txt").read_text().replace("\n", " ").replace(" ", "").isdigit()


def test_a_prompt_of_other_ids_is_refused(made, refused):
    line = refused("generate", made[0], "--prompt", "3 20 x")
    assert "--prompt must hold tokens of the vocabulary only. Received: '20', 'x'" in line


def test_it_can_be_evaluated_on_its_own_and_on_other_ids(made, run, refused, tmp_path):
    other = write_ids(tmp_path / "other.txt", [LENGTH])
    for flags in ([], ["--data", other]):
        code, out, err = run("evaluate", made[0], "--samples", "20", "--json", *flags)
        assert (code, err) == (0, "")
        assert "nll_test" in out
    other.write_text("1 2 3 4 5\n1 2 3 4 20\n")
    assert refused("evaluate", made[0], "--data", other, "--samples", "20") == (
        f"seqgan-tf: {other}: line 2: expected ids below 20, the size of the vocabulary. Received: '20'\n"
    )


@pytest.mark.parametrize("made", [[LENGTH]], ids=["equal"], indirect=True)
def test_it_can_be_exported(made, run, tmp_path):
    code, _, err = run("export", made[0], tmp_path / "served")
    assert (code, err) == (0, "")
    signatures = tf.saved_model.load(str(tmp_path / "served" / "1")).signatures
    answer = signatures["complete"](
        text=tf.constant(["3 0", "20"]), seed=tf.constant([[1, 0], [1, 1]]), temperature=tf.ones([2])
    )
    first, second = answer["error"].numpy().tolist()
    assert (first, second) == (b"", b"text holds ids that are not in the vocabulary: '20'")
    assert answer["text"].numpy()[0].startswith(b"3 0")


@pytest.mark.parametrize("made", [[LENGTH]], ids=["equal"], indirect=True)
def test_a_resumed_run_continues_on_the_same_ids(made, run, tmp_path):
    directory = shutil.copytree(made[0], tmp_path / "run")
    code, _, err = run("train", "--resume", "--output-dir", directory, "--adversarial.rounds", "6")
    assert (code, err) == (0, "")
    assert sg.load_run(directory).tokenizer.level == "ids"


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        (
            "1 2\n" * 9 + "1 -2\n",
            [],
            "line 10: expected integers of at least 0 with blanks between them. Received: '-2'",
        ),
        ("1 2\n" * 9 + "1 9\n", ["9"], "line 10: expected ids below 9, the size of the vocabulary. Received: '9'"),
        ("1 2\n" * 9, [], "expected at least 5 ids in every line, the sequence length, since there is no end token. "),
    ],
)
def test_a_file_of_other_lines_is_refused(content, flags, message, refused, tmp_path):
    data = tmp_path / "ids.txt"
    data.write_text(content)
    size = [word for value in flags for word in ("--corpus.vocabulary-size", value)]
    line = refused("train", "--data", data, "--level", "ids", "--output-dir", tmp_path / "run", *FLAGS, *size)
    assert line.startswith(f"seqgan-tf: {data}: {message}")
    assert not (tmp_path / "run").exists()
