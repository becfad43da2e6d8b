"""The scripts of examples/ are short, use public names only, and run."""

import ast
import json
import math
import pathlib
import re
import runpy
import subprocess
import sys

import numpy as np
import pytest
import tiny_images
import tiny_runs
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

import seqgan_tf
from seqgan_tf.runs import presets, toml

EXAMPLES = sorted((pathlib.Path(__file__).parent.parent / "examples").glob("*.py"))
NAMES = [path.name for path in EXAMPLES]

# What makes a script small enough for the fast suite. Each text must occur in it.
SMALLER = {
    "oracle.py": {
        "sg.Oracle(seed=0)": "sg.Oracle(20, 3, 4, seed=0)",
        "sequence_length=20": "sequence_length=5, num_train=128, num_held_out=64",
        "embedding_dim=32, hidden_dim=32": "embedding_dim=3, hidden_dim=4",
        "corpus.sequence_length, seed=1)": "corpus.sequence_length, widths=(1, 2), filters=(2, 3), seed=1)",
        "discriminator_steps=15": "discriminator_steps=2",
        "gan.generate(5000": "gan.generate(50",
        "epochs=20, validation_data": "epochs=2, validation_data",
        "steps=300": "steps=2",
        "epochs=20, steps_per_epoch=1": "epochs=2, steps_per_epoch=1",
    },
    "poems.py": {
        "embedding_dim=64": "embedding_dim=3",
        "hidden_dim=128": "hidden_dim=4",
        "corpus.sequence_length, seed=1)": "corpus.sequence_length, widths=(1, 2), filters=(2, 3), seed=1)",
        "num_rollouts=4, update_rate=0.8)": "num_rollouts=1, update_rate=0.8), discriminator_steps=2",
        "epochs=15": "epochs=2",
        "steps=200": "steps=2",
        "epochs=4": "epochs=1",
    },
    "translation.py": {
        "batch_size=96, validation_split=0.03": "batch_size=8, validation_split=0.1",
        "embedding_dim=256, hidden_dim=128, dropout=0.3, seed=seed": "3, 4, dropout=0.3, seed=seed",
        "    embedding_dim=256,\n    hidden_dim=256,\n": "    embedding_dim=3,\n    hidden_dim=4,\n",
        "embedding_dim=128, hidden_dim=128, encoder": "embedding_dim=3, hidden_dim=4, encoder",
        "batch_size=96, discriminator_steps=5": "batch_size=8, discriminator_steps=1",
        "epochs=7": "epochs=2",
        "steps=400": "steps=2",
        "steps_per_epoch=10": "steps_per_epoch=2",
    },
    "source_code.py": {
        "vocabulary_size=1000, sequence_length=64": "vocabulary_size=300, sequence_length=30, batch_size=8",
        "    embedding_dim=128,\n    hidden_dim=256,\n": "    embedding_dim=3,\n    hidden_dim=4,\n",
        "widths=[1, 2, 3, 4, 5], filters=[64] * 5": "widths=[1, 2], filters=[2, 3]",
        "stride=8), discriminator_steps=5": "stride=8), batch_size=8, discriminator_steps=1",
        "epochs=4": "epochs=2",
        "steps=300": "steps=2",
        "steps_per_epoch=10": "steps_per_epoch=2",
        "gan.generate(1000": "gan.generate(20",
    },
    "dialogue.py": {
        "sequence_length=20, source_length=40": "sequence_length=5, source_length=9, batch_size=8, min_frequency=1",
        "embedding_dim=128, dropout=0.3, seed=seed": "3, 4, dropout=0.3, seed=seed",
        "    embedding_dim=128,\n    hidden_dim=128,\n": "    embedding_dim=3,\n    hidden_dim=4,\n",
        "embedding_dim=128, encoder": "embedding_dim=3, hidden_dim=4, encoder",
        "stride=2), discriminator_steps=5": "stride=2), batch_size=8, discriminator_steps=1",
        "epochs=15": "epochs=2",
        "steps=400": "steps=2",
        "steps_per_epoch=10": "steps_per_epoch=2",
    },
    "music.py": {
        'tracks="melody", bars=4': "bars=1, batch_size=16",
        "embedding_dim=64": "embedding_dim=3",
        "hidden_dim=128": "hidden_dim=4",
        "corpus.sequence_length, hidden_dim=64": "corpus.sequence_length, 3, hidden_dim=4",
        "num_rollouts=2, stride=16), discriminator_steps=5": "num_rollouts=1, stride=8), discriminator_steps=1",
        "epochs=10, validation_data": "epochs=2, validation_data",
        "steps=100": "steps=2",
        "steps_per_epoch=10": "steps_per_epoch=2",
    },
    "shapes.py": {"10_000": "60", "1_000": "12"},
    "captions.py": {
        "image_size=64)\nfor": "image_size=16, batch_size=8)\nfor",
        "image_size=64, seed=1": "image_size=16, filters=(2, 3), width=4, seed=1",
        "image_size=64, seed=2": "image_size=16, filters=(2, 3), width=4, seed=2",
        "    embedding_dim=64,\n    hidden_dim=128,\n": "    embedding_dim=3,\n    hidden_dim=4,\n",
        "corpus.sequence_length, encoder": "corpus.sequence_length, embedding_dim=3, hidden_dim=4, encoder",
        "stride=2), discriminator_steps=5": "stride=2), batch_size=8, discriminator_steps=1",
        "epochs=12": "epochs=2",
        "steps=300": "steps=2",
        "steps_per_epoch=10": "steps_per_epoch=2",
    },
    "visual_questions.py": {
        "image_size=64)\nfor": "image_size=16, batch_size=8)\nfor",
        'parts["prompt"].vocabulary_size, seed=seed': 'parts["prompt"].vocabulary_size, 3, 4, seed=seed',
        "sg.ImageEncoder(64, seed=seed)": "sg.ImageEncoder(16, (2, 3), 4, seed=seed)",
        "width=128": "width=4",
        "    embedding_dim=64,\n    hidden_dim=128,\n": "    embedding_dim=3,\n    hidden_dim=4,\n",
        "corpus.sequence_length, encoder": "corpus.sequence_length, embedding_dim=3, hidden_dim=4, encoder",
        "num_rollouts=2), discriminator_steps=5": "num_rollouts=2), batch_size=8, discriminator_steps=1",
        "epochs=15": "epochs=2",
        "steps=300": "steps=2",
        "steps_per_epoch=10": "steps_per_epoch=2",
    },
    "objective.py": {
        "sentences(5000)": "sentences(200)",
        "corpus.vocabulary_size, 64, 128": "corpus.vocabulary_size, 3, 4",
        "widths=[1, 2, 3, 4], filters=[64, 64, 64, 64]": "widths=[1, 2], filters=[2, 3]",
        "discriminator_steps=5": "discriminator_steps=1",
        "epochs=10, validation_data": "epochs=2, validation_data",
        "steps=200": "steps=2",
        "gan.generate(2000": "gan.generate(50",
        "epochs=10, steps_per_epoch=20": "epochs=2, steps_per_epoch=2",
    },
    "gymnasium_agent.py": {
        "UPDATES, BATCH = 200, 64": "UPDATES, BATCH = 2, 8",
        "vocabulary_size=200, seed=0), sequence_length=10": (
            "20, 3, 4, seed=0), sequence_length=5, num_train=64, num_held_out=20"
        ),
        "corpus.vocabulary_size, 32, 32": "corpus.vocabulary_size, 3, 4",
        "widths=[1, 2, 3], filters=[64, 64, 64]": "widths=[1, 2], filters=[2, 3]",
        "epochs=3": "epochs=1",
        "steps=200": "steps=2",
    },
    "reproduce_paper.py": {
        "sg.Oracle(seed=0)": "sg.Oracle(20, 3, 4, seed=0)",
        "sg.OracleCorpus(oracle, ": "sg.OracleCorpus(oracle, sequence_length=5, num_held_out=64, ",
        '"embedding_dim": 32, "hidden_dim": 32': '"embedding_dim": 3, "hidden_dim": 4',
        '"embedding_dim": 64, "hidden_dim": 128': '"embedding_dim": 3, "hidden_dim": 4',
        "embedding_range=setting.embedding_range": (
            "embedding_range=setting.embedding_range, widths=(1, 2), filters=(2, 3)"
        ),
        "gan.generate(5_000": "gan.generate(50",
        "gan.generate(2_000": "gan.generate(50",
        "epochs=20, patience=None, rounds=15": "epochs=2, patience=None, rounds=2",
        "epochs=40, patience=2, rounds=40": "epochs=2, patience=1, rounds=2",
        "discriminator_steps: int = 300": "discriminator_steps: int = 2",
        "num_rollouts: int = 4": "num_rollouts: int = 1",
        "num_train: int = 10_000": "num_train: int = 128",
    },
}
MOST_LINES = {"reproduce_paper.py": 215, "oracle.py": 60, "poems.py": 60}  # all others: 80
MORE_MODULES = {
    "captions.py": {"numpy"},
    "gymnasium_agent.py": {"gymnasium", "numpy", "tensorflow"},
    "reproduce_paper.py": {"numpy", "tensorflow", "tyro"},
    "shapes.py": {"numpy", "tensorflow"},
    "visual_questions.py": {"numpy"},
}
ARGUMENTS = {
    "poems.py": ["poems.txt"],
    "translation.py": ["train.de", "train.en", "train.de", "train.en"],
    "dialogue.py": ["dialogues.txt", "dialogues.txt"],
    "source_code.py": ["sources"],
    "music.py": ["tunes", "written"],
    "shapes.py": ["shapes"],
    "captions.py": ["shapes"],
    "visual_questions.py": ["shapes"],
}


def write_tunes(folder, count, bars=4):
    """The MIDI files that the example of music reads; the test is skipped without the extra."""
    import tiny_music

    tiny_music.write_tunes(folder, count, bars)


def write_data(folder, count):
    """The files that the examples read."""
    tiny_runs.write_lines(folder / "poems.txt", count=count)
    tiny_runs.write_pairs(folder, count=count)
    tiny_runs.write_dialogues(folder / "dialogues.txt", count=count)
    tiny_runs.write_sources(folder / "sources", count=count)
    for part in ("train", "test"):
        images = tiny_images.write_captions(folder / "shapes" / part, count=count // 2, beside="prompt")
        (images / "metadata.jsonl").rename(images / "questions.jsonl")
        tiny_images.write_captions(images, count=count // 2)


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_is_short(path):
    assert len(path.read_text().splitlines()) < MOST_LINES.get(path.name, 80)


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_has_the_name_of_no_module_of_python(path):
    """Python finds the modules beside a script first: code.py here would end the import of pdb in every example."""
    assert path.stem not in sys.stdlib_module_names


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_says_what_it_does(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_uses_public_names_only(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
            more = MORE_MODULES.get(path.name, set())
            assert names <= {"keras", "seqgan_tf", *more, *sys.stdlib_module_names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] in {"seqgan_tf", *sys.stdlib_module_names}
        elif isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_")
            if isinstance(node.value, ast.Name) and node.value.id == "sg":
                assert node.attr in seqgan_tf.__all__


def test_there_are_examples_and_each_has_its_smaller_size():
    assert sorted(SMALLER) == NAMES


def write_smaller(path, folder):
    """The smaller script, in a folder."""
    source = path.read_text()
    for text, smaller in SMALLER[path.name].items():
        assert text in source
        source = source.replace(text, smaller)
    (folder / path.name).write_text(source)
    return folder / path.name


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_runs(path, tmp_path, monkeypatch, capsys):
    if path.name == "music.py":
        write_tunes(tmp_path / "tunes", count=16)
    script = write_smaller(path, tmp_path)
    write_data(tmp_path, count=100)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [path.name, *ARGUMENTS.get(path.name, [])])
    runpy.run_path(str(script), run_name="__main__")
    out = capsys.readouterr().out
    if path.name == "oracle.py":
        assert [line.split(":")[0] for line in out.splitlines() if "NLL-oracle" in line] == [
            "untrained",
            "maximum likelihood",
            "after 20 adversarial rounds",
        ]
    if path.name == "poems.py":
        assert "samples after epoch 1:\n" in out
        assert (tmp_path / "poems.keras").stat().st_size > 0
    if path.name == "music.py":
        assert [line.split(":")[0] for line in out.splitlines() if "NLL-test" in line] == [
            "maximum likelihood",
            "after 10 adversarial rounds",
        ]
        assert len(list((tmp_path / "written").glob("*.mid"))) == 10
    if path.name == "shapes.py":
        for part, count in (("train", 60), ("test", 12)):
            for name in ("metadata.jsonl", "questions.jsonl"):
                lines = (tmp_path / "shapes" / part / name).read_text().splitlines()
                assert len(lines) == count
                assert all((tmp_path / "shapes" / part / json.loads(line)["file_name"]).is_file() for line in lines)
        texts = [(tmp_path / "shapes" / part / "metadata.jsonl").read_text() for part in ("train", "test")]
        groups = [
            set(re.findall(r"(\w+) (\w+?)(?:e?s)? at the (\w+ \w+)", text.replace("crosses", "cross")))
            for text in texts
        ]
        assert not groups[0] & groups[1]  # the combinations of the test are unseen
    if path.name == "captions.py":
        found = re.findall(r"(.*): exact match (\S+)%, images shuffled (\S+)%, NLL-test (\S+)", out)
        assert [phase for phase, *_ in found] == ["maximum likelihood", "after 10 adversarial rounds"]
        assert (tmp_path / "shapes" / "captions.html").read_text().count("<section") == 20
    if path.name == "visual_questions.py":
        assert len(re.findall(r"exact match \S+%, images shuffled \S+%, questions shuffled \S+%", out)) == 2
    if path.name == "objective.py":
        line = r"(before|after): objective (\S+), NLL-test (\S+) nats per token, distinct-2 (\S+)"
        found = re.findall(line, out)
        assert [phase for phase, *_ in found] == ["before", "after"]
        assert all(math.isfinite(float(value)) for _, *values in found for value in values)
    if path.name == "gymnasium_agent.py":
        found = re.findall(r"(\w+): mean reward (\S+) in the first 10 updates, (\S+) in the last", out)
        assert [name for name, *_ in found] == ["agent", "trainer"]
        assert all(math.isfinite(float(value)) for _, *values in found for value in values)
    if path.name == "source_code.py":
        assert "real functions: share parsed 1.000" in out
        assert len(re.findall(r": share parsed \S+, NLL-test \S+ nats per token, share copied", out)) == 3
        assert out.count("# %%\n") == 3
    if path.name == "reproduce_paper.py":
        # The paper's numbers apply to its own oracle alone.
        assert [row["the paper's NLL-oracle"] for row in table(out).values()] == ["-"] * 4


METHODS = ["random", "maximum likelihood", "PG-BLEU", "SeqGAN"]


def table(text, methods=METHODS):
    """{method: {column: cell}} of a table of the paper."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head, rule, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert set(rule) == {"---"}
    assert [row[0] for row in rows] == methods
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def test_the_table_of_the_paper_has_the_means_over_the_seeds_and_the_papers_numbers(
    tmp_path, tmp_path_factory, monkeypatch, capsys
):
    script = write_smaller(EXAMPLES[NAMES.index("reproduce_paper.py")], tmp_path)
    weights = tiny_runs.oracle_npz(tmp_path_factory.getbasetemp())
    flags = ["--oracle-weights", str(weights), "--seeds", "3", "4", "--output", str(tmp_path / "table.md")]
    monkeypatch.setattr(sys, "argv", [script.name, *flags])
    runpy.run_path(str(script), run_name="__main__")
    out, err = capsys.readouterr()
    assert (tmp_path / "table.md").read_text() == out
    found = {}  # what each seed printed
    for seed, method, *values in re.findall(r"seed (\d), ([^:]*): NLL-test (\S+), NLL-oracle (\S+)", err):
        assert all(math.isfinite(float(value)) for value in values)
        found.setdefault(method, {})[seed] = [float(value) for value in values]
    assert list(found) == METHODS
    paper = dict(zip(METHODS, ("10.310", "9.038", "8.946", "8.736"), strict=True))
    for method, row in table(out).items():
        assert list(found[method]) == ["3", "4"]
        for column, values in zip(("NLL-test", "NLL-oracle"), zip(*found[method].values(), strict=True), strict=True):
            mean, deviation = map(float, re.fullmatch(r"(\S+) \((\S+)\)", row[column]).groups())
            assert mean == pytest.approx(sum(values) / 2, abs=2e-3)
            assert deviation == pytest.approx(abs(values[0] - values[1]) / 2, abs=2e-3)
        assert row["the paper's NLL-oracle"] == paper[method]
    assert len({tuple(map(tuple, seeds.values())) for seeds in found.values()}) == 4


PAPERS = {
    "poems": {"BLEU-2": ("0.6670", "0.7389")},
    "speech": {"BLEU-3": ("0.519", "0.556"), "BLEU-4": ("0.416", "0.427")},
    "music": {"BLEU-4": ("0.9210", "0.9406")},
}


@pytest.mark.parametrize("experiment", PAPERS)
def test_the_tables_of_real_data_have_the_metrics_of_the_paper(experiment, tmp_path, monkeypatch, capsys):
    script = write_smaller(EXAMPLES[NAMES.index("reproduce_paper.py")], tmp_path)
    data = tmp_path / "data"
    if experiment == "music":
        write_tunes(data, count=80, bars=8)
    else:
        lines = tiny_runs.write_lines(tmp_path / "words.txt", count=100).read_text().splitlines()
        data.write_text(
            "\n".join(f"{line[:4]},{line[4:8]}." for line in lines) if experiment == "poems" else "\n".join(lines)
        )
    flags = ["--experiment", experiment, "--data", str(data), "--seeds", "3", "4"]
    monkeypatch.setattr(sys, "argv", [script.name, *flags])
    runpy.run_path(str(script), run_name="__main__")
    out, err = capsys.readouterr()
    papers = PAPERS[experiment]
    found = table(out, ["maximum likelihood", "SeqGAN"])
    for number, (method, row) in enumerate(found.items()):
        assert list(row) == ["NLL-test", *papers, *(f"the paper's {metric}" for metric in papers)]
        for metric, values in papers.items():
            assert row[f"the paper's {metric}"] == values[number]
        for column in ("NLL-test", *papers):
            mean, deviation = map(float, re.fullmatch(r"(\S+) \((\S+)\)", row[column]).groups())
            printed = [float(value) for value in re.findall(rf"seed \d, {method}: .*{column} (\d+\.\d+)", err)]
            assert len(printed) == 2
            assert mean == pytest.approx(sum(printed) / 2, abs=2e-3)
            assert deviation == pytest.approx(abs(printed[0] - printed[1]) / 2, abs=2e-3)


@pytest.mark.parametrize(("experiment", "kind"), [("poems", "a text file"), ("music", "a folder or zip of MIDI files")])
def test_real_data_need_a_file(experiment, kind, monkeypatch):
    script = EXAMPLES[NAMES.index("reproduce_paper.py")]
    monkeypatch.setattr(sys, "argv", [script.name, "--experiment", experiment])
    with pytest.raises(SystemExit, match=rf"--experiment {experiment} needs --data, {kind}\. Received: none"):
        runpy.run_path(str(script), run_name="__main__")


def test_the_reward_of_pg_bleu_is_the_sentence_bleu_of_every_token():
    reward = runpy.run_path(str(EXAMPLES[NAMES.index("reproduce_paper.py")]), run_name="example")["BleuReward"]
    references = np.array([[1, 2, 3, 4], [2, 2, 0, -1], [5, 1, 2, 0]])
    token_ids = np.array([[1, 2, 3, 4], [2, 3, 0, -1], [5, 5, 5, 5], [1, 2, 0, -1]], np.int32)
    found = reward(references).estimate(token_ids, None, None, None).numpy()
    lists = [[[int(token) for token in row if token >= 0] for row in rows] for rows in (references, token_ids)]
    expected = [sentence_bleu(lists[0], row, [0.5, 0.5], SmoothingFunction().method1) for row in lists[1]]
    assert expected[0] == 1
    # Of the second two of three tokens and one of two pairs are there; its length is that of a reference.
    assert expected[1] == pytest.approx(math.sqrt(3 / 3 * 1 / 2))
    np.testing.assert_allclose(found, np.array(expected)[:, None] * (token_ids >= 0), rtol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_runs_at_its_real_size(path, tmp_path):
    write_data(tmp_path, count=2000)
    if path.name == "music.py":
        write_tunes(tmp_path / "tunes", count=100)
    command = [sys.executable, path, *ARGUMENTS.get(path.name, [])]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) >= 4


def test_the_settings_among_the_examples_are_settings():
    paths = sorted((pathlib.Path(__file__).parent.parent / "examples").glob("*.toml"))
    assert paths
    for path in paths:
        settings = toml.override(presets.preset("quick", "oracle"), toml.read_toml(path), path)
        assert settings != presets.preset("quick", "oracle")
