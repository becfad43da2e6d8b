"""`seqgan-tf train` with word vectors."""

import numpy as np
import pytest
import tiny_runs

import seqgan_tf as sg

FLAGS = tiny_runs.FLAGS
NONE = ["--pretrain.epochs", "0", "--pretrain.discriminator-steps", "0", "--adversarial.rounds", "0"]


def write_vectors(path, words, size=3):
    rows = {word: [i + j / 8 for j in range(size)] for i, word in enumerate(words)}
    path.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows.items()))
    return rows


def embeddings_of(network, tokenizer):
    return dict(zip(tokenizer.tokens, np.array(network.embedding.embeddings), strict=False))


def test_all_networks_of_a_run_on_pairs_start_from_one_file_that_nothing_needs_later(run, tmp_path):
    sources, targets = tiny_runs.write_pairs(tmp_path)
    path = tmp_path / "vectors.txt"
    rows = write_vectors(path, ["red", "rot", "katze", "cat", "mouse"])
    flags = [word for table in ("generator", "discriminator", "encoder") for word in (f"--{table}.embeddings", path)]
    flags += ["--data", sources, "--target", targets, *FLAGS, *tiny_runs.CONDITIONAL_FLAGS, *flags]
    code, out, err = run("train", "--output-dir", tmp_path / "run", *flags, *NONE)
    assert (code, err) == (0, "")
    path.unlink()
    opened = sg.load_run(tmp_path / "run")
    gan, tokenizer, source_tokenizer = opened.gan, opened.tokenizer, opened.source.conditions.tokenizer
    for network, vocabulary, words in (
        (gan.generator, tokenizer, ["red", "cat"]),
        (gan.rollout_policy, tokenizer, ["red", "cat"]),
        (gan.discriminator, tokenizer, ["red", "cat"]),
        (gan.generator.encoder, source_tokenizer, ["rot", "katze"]),
        (gan.discriminator.encoder, source_tokenizer, ["rot", "katze"]),
    ):
        found = embeddings_of(network, vocabulary)
        for word in words:
            assert found[word].tolist() == rows[word]
    same = [embeddings_of(network, tokenizer)["dog"] for network in (gan.generator, gan.discriminator)]
    assert np.array_equal(*same)  # drawn once for one vocabulary
    # 5 target words and <unk>, 2 of them with a vector.
    counts = np.bincount(opened.corpus.train_token_ids[opened.corpus.train_token_ids >= 0])
    share = sum(counts[tokenizer.tokens.index(word)] for word in ("red", "cat")) / counts[1:].sum()
    line = f"{path}: 33.3% of the words of the vocabulary, {share:.1%} of the words of the training part have a vector"
    for table in ("generator", "discriminator"):
        assert f"--{table}.embeddings {line}" in out
    assert f"--encoder.embeddings {path}: 33.3% of the words of the vocabulary, " in out


def test_a_run_is_resumed_without_the_file_from_where_it_began(base, run, tmp_path):
    data, path = tiny_runs.write_lines(tmp_path / "words.txt"), tmp_path / "vectors.txt"
    write_vectors(path, tiny_runs.WORDS[:5])
    flags = ["--data", data, "--generator.embeddings", path, *FLAGS, *NONE, "--pretrain.epochs", "1"]
    assert run("train", "--output-dir", tmp_path / "whole", *flags)[0] == 0

    from seqgan_tf.cli.flags import pick
    from seqgan_tf.cli.main import parse
    from seqgan_tf.runs import config, directory

    settings = pick(config.RunSettings, parse(["train", *map(str, flags)]))
    made = directory.create_run(tmp_path / "begun", settings)  # and the process ends here
    assert len(made.notes) == 1
    path.unlink()
    assert run("train", "--resume", "--output-dir", tmp_path / "begun")[0] == 0
    runs = [sg.load_run(tmp_path / name) for name in ("whole", "begun")]
    assert tiny_runs.same(*(tiny_runs.weights(opened.gan) for opened in runs))
    code, _, err = run("train", "--pretrained", tmp_path / "whole", "--output-dir", tmp_path / "branch")
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--generator.embeddings"], "expected vectors of 3 numbers, as --generator.embedding-dim says. Received: 4"),
        (
            ["--discriminator.embeddings"],
            "expected vectors of 3 numbers, as --discriminator.embedding-dim says. Received: 4",
        ),
        (
            ["--encoder.embeddings"],
            "--encoder.embeddings needs texts whose tokens are words or characters. Received: none",
        ),
        (
            ["--level", "bpe", "--generator.embeddings"],
            "--generator.embeddings needs texts whose tokens are words or characters. Received: byte pairs",
        ),
    ],
)
def test_vectors_that_do_not_fit_are_refused_before_anything_is_written(flags, message, refused, text, tmp_path):
    path = tmp_path / "vectors.txt"
    write_vectors(path, tiny_runs.WORDS, size=4)
    line = refused("train", "--data", text.data, "--output-dir", tmp_path / "run", *FLAGS, *flags, path)
    assert message in line
    assert not (tmp_path / "run").exists()


def test_a_file_of_other_words_and_a_missing_file_are_refused(refused, text, tmp_path):
    path = tmp_path / "vectors.txt"
    flags = ["train", "--data", text.data, "--output-dir", tmp_path / "run", *FLAGS, "--generator.embeddings", path]
    assert f"{path}: expected a text file that can be read (No such file or directory)" in refused(*flags)
    write_vectors(path, ["mouse"])
    line = refused(*flags)
    assert line.startswith(f"seqgan-tf: {path}: expected vectors of words of the vocabulary, '<unk>', ")
    assert line.endswith(" ... Received: none of them\n")
    assert not (tmp_path / "run").exists()


def test_an_oracle_has_no_words(base, refused, tmp_path):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10"]
    line = refused("train", "--output-dir", tmp_path / "run", *oracle, *FLAGS, "--generator.embeddings", "x.txt")
    assert "--generator.embeddings needs texts whose tokens are words or characters. Received: none" in line
