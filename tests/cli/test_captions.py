"""The command line on images: captions, questions about images, and what is wrong with them."""

import shutil

import numpy as np
import pytest
import tiny_images
import tiny_runs

import seqgan_tf as sg


@pytest.fixture(scope="module")
def captions(base):
    """A finished run on images; not to be written to."""
    made = tiny_runs.captions_run(base)
    assert (made.code, made.err) == (0, "")
    return made


@pytest.fixture(scope="module")
def questions(base):
    """The same on images with a question each."""
    made = tiny_runs.questions_run(base)
    assert (made.code, made.err) == (0, "")
    return made


def test_a_folder_of_images_is_captions(captions):
    assert "36 sequences of pictures, 5 tokens" in captions.out
    opened = sg.load_run(captions.directory)
    assert opened.settings.task == "captions"
    assert opened.source.conditions.image_size == (8, 8)
    shown = [line.split() for line in captions.out.splitlines() if line.startswith("  ")]
    assert sum(words[0].endswith(".png") for words in shown if words) == 4


def test_an_image_gives_captions(run, captions):
    path = captions.data / "003.png"
    code, out, err = run("generate", captions.directory, "--condition", path, "--seed", "3")
    assert (code, err, out.count("\n")) == (0, "", 5)
    opened = sg.load_run(captions.directory)
    condition = np.repeat(opened.source.conditions.encode([path]), 5, axis=0)
    expected = opened.gan.generate(condition=condition, seed=3, suppress_tokens=opened.source.suppressed_tokens)
    assert out.splitlines() == opened.decode(expected)


def test_a_file_of_images_and_questions(run, questions, tmp_path):
    images = [questions.data / name for name in ("003.png", "007.png")]
    path = tmp_path / "list.txt"
    path.write_text(f"{images[0]}\twhich side ?\n{images[1]}\twhich colour ?\n")
    _, out, _ = run("generate", questions.directory, "--condition-file", path, "--num-beams", "2")
    opened = sg.load_run(questions.directory)
    given = [f"{images[0]}\nwhich side ?", f"{images[1]}\nwhich colour ?"]
    condition, suppressed = opened.source.conditions.encode(given), opened.source.suppressed_tokens
    assert out.splitlines() == opened.decode(
        opened.gan.generate(condition=condition, num_beams=2, suppress_tokens=suppressed)
    )
    flags = ["--condition", images[0], "--condition-text", "which side ?", "--num-beams", "2"]
    assert run("generate", questions.directory, *flags)[1].splitlines() == out.splitlines()[:1]


def test_what_generate_refuses(refused, captions, questions, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("no image")
    expected = (
        f"seqgan-tf: {text}: expected an image that can be decoded: JPEG, PNG, GIF, BMP or WebP. Received: another "
        "file (Unknown image file format. One of JPEG, "
    )
    assert refused("generate", captions.directory, "--condition", text).startswith(expected)
    gone = f"seqgan-tf: {tmp_path}/no.png: expected an image that can be read (No such file or directory)\n"
    assert refused("generate", captions.directory, "--condition", tmp_path / "no.png") == gone
    flags = ["--condition", captions.data / "003.png", "--condition-text", "x"]
    expected = "seqgan-tf: --condition-text needs a run with several conditions. Received: a run with one\n"
    assert refused("generate", captions.directory, *flags) == expected
    expected = "seqgan-tf: --condition-text needs --condition. Received: none\n"
    assert refused("generate", questions.directory, "--condition-text", "x") == expected
    image = questions.data / "003.png"
    expected = f"seqgan-tf: expected image and prompt, a line each. Received: '{image}' alone\n"
    assert refused("generate", questions.directory, "--condition", image) == expected


def test_what_train_refuses(refused, tmp_path):
    folder, directory = tmp_path / "pictures", tmp_path / "run"
    folder.mkdir()
    command = ["train", "--data", folder, "--output-dir", directory]
    expected = f"seqgan-tf: {folder}: expected a file, or a folder with metadata.jsonl or "
    assert refused(*command).startswith(expected)
    (folder / "metadata.jsonl").write_text('{"image": "a.png"}\n')
    assert "metadata.jsonl: expected the fields 'file_name' and 'text' for the task 'captions'." in refused(*command)
    tiny_images.write_captions(folder, count=10)
    (folder / "004.png").write_text("damaged")
    line = refused(*command)
    assert (
        f"{folder}: expected at most 1 of 100 texts to have an image that cannot be read. Received: 1 of 10; " in line
    )
    assert f"{folder}/004.png: expected an image that can be decoded" in line
    lines = tiny_runs.write_lines(tmp_path / "words.txt")
    expected = "seqgan-tf: --images and --image-cache are for captions. Received: the task 'text'\n"
    assert refused("train", "--data", lines, "--images", folder, "--output-dir", directory) == expected
    assert not directory.exists()


def test_evaluate_writes_a_page(run, captions, tmp_path):
    directory = shutil.copytree(captions.directory, tmp_path / "run")
    code, out, err = run("evaluate", directory, "--samples", "4")
    assert (code, err) == (0, "")
    assert "exact match" in out
    page = (directory / "evaluation" / "captions.html").read_text(encoding="utf-8")
    assert page.count("<section") == 4
    assert "pre-trained, greedy" in page
    assert "after 4 rounds, greedy" in page
    other = tiny_images.write_captions(tmp_path / "other", count=110)
    (other / "002.png").write_text("damaged")
    code, out, _ = run("evaluate", directory, "--data", other)
    assert "against 109 lines of other; " in out
    assert "1 of 110 texts have an image that cannot be read" in " ".join(out.split())
    asked = tiny_images.write_captions(tmp_path / "asked", count=3, beside="prompt")
    code, _, err = run("evaluate", directory, "--data", asked)
    assert (code, err) == (2, f"seqgan-tf: {asked}: expected the conditions image. Received: image and prompt\n")


def test_cocos_layout_with_a_cache(run, tmp_path):
    captions = {f"{i:02}.png": [f"red {i % 3}", "a picture"] for i in range(20)}
    path = tiny_images.write_coco(tmp_path / "images", captions)
    moved = path.rename(tmp_path / "captions.json")
    flags = [*tiny_runs.FLAGS, *tiny_runs.CAPTION_FLAGS, "--adversarial.rounds", "1", "--pretrain.epochs", "1"]
    places = ["--images", path.parent, "--image-cache", tmp_path / "cache"]
    code, out, _ = run("train", "--data", moved, *places, "--output-dir", tmp_path / "run", *flags)
    assert code == 0
    assert "36 sequences of captions.json" in out
    assert len(list((tmp_path / "cache").glob("*.rows"))) == 1
    assert run("evaluate", tmp_path / "run")[0] == 0
    page = (tmp_path / "run" / "evaluation" / "captions.html").read_text(encoding="utf-8")
    assert page.count("<section") == 2  # two images are held out, with two captions each
    assert page.count("a picture") == 2
    (path.parent / "03.png").write_bytes(tiny_images.png(tiny_images.image("red", "left", shade=44)))
    code, _, err = run("evaluate", tmp_path / "run")
    assert code == 2
    assert err.endswith(
        "captions.json: expected the text file that the run in "
        f"{tmp_path / 'run'} began with. Received: a changed file\n"
    )


def test_a_run_is_resumed_where_its_images_are_now(run, captions, tmp_path):
    directory = shutil.copytree(captions.directory, tmp_path / "run")
    moved = shutil.copytree(captions.data, tmp_path / "moved")
    flags = ["--resume", "--output-dir", directory, "--adversarial.rounds", "5"]
    assert run("train", *flags, "--data", moved)[0] == 0
    again = shutil.copytree(captions.directory, tmp_path / "again")
    assert run("train", "--resume", "--output-dir", again, "--adversarial.rounds", "5")[0] == 0
    for state in (directory, again):
        assert (state / "metrics.csv").read_text().count("\n") > (captions.directory / "metrics.csv").read_text().count(
            "\n"
        )
    weights = [tiny_runs.weights(sg.load_run(state).gan) for state in (directory, again)]
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
