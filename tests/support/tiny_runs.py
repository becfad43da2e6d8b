"""Runs that take seconds, for the tests of everything around the training: a dozen tokens, five positions, few steps.

Each is made once per session, under pytest's base directory; a test that writes takes a copy.
"""

import contextlib
import functools
import io
import random
import shlex
import types

import numpy as np

VOCABULARY, LENGTH = 12, 5
# Dropout in both networks, a lag, and 10 sequences in batches of 4: whatever a resumed run could restore wrongly.
FLAGS = shlex.split("""
    --batch-size 4 --corpus.sequence-length 5
    --generator.embedding-dim 3 --generator.hidden-dim 4 --generator.dropout 0.3 --generator.initializer-stddev 0.1
    --discriminator.embedding-dim 3 --discriminator.widths 1 2 --discriminator.filters 2 3 --discriminator.dropout 0.3
    --estimator.kind rollout --rollout.num-rollouts 2 --rollout.update-rate 0.5
    --pretrain.epochs 2 --pretrain.discriminator-steps 4 --pretrain.discriminator-learning-rate 0.01
    --adversarial.rounds 4 --adversarial.generator-batch-size none
    --adversarial.discriminator-steps 3 --adversarial.evaluate-every 2
""")
WORDS = ("red", "blue", "green", "cat", "dog", "bird", "sees", "likes")


def write_lines(path, count=40, words=WORDS):
    """A file of `count` lines of two to four of the words; the same every time."""
    draw = random.Random(1)
    lines = [" ".join(draw.choice(words) for _ in range(draw.randint(2, 4))) for _ in range(count)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@functools.cache
def oracle_npz(base):
    """A file of oracle weights of 12 tokens."""
    from seqgan_tf.models.oracle import Oracle

    Oracle(VOCABULARY, 3, 4, seed=1).save_npz(base / "tiny-oracle.npz")
    return base / "tiny-oracle.npz"


def oracle_settings(base):
    """The settings of `oracle_run`."""
    from seqgan_tf.runs import config

    return config.RunSettings(
        oracle_weights=oracle_npz(base),
        batch_size=4,
        corpus=config.DataSettings(sequence_length=LENGTH, oracle_sequences=10),
        generator=config.GeneratorSettings(embedding_dim=3, hidden_dim=4, dropout=0.3),
        discriminator=config.DiscriminatorSettings(embedding_dim=3, widths=(1, 2), filters=(2, 3), dropout=0.3),
        rollout=config.RolloutSettings(num_rollouts=2, update_rate=0.5),
        pretrain=config.PretrainSettings(epochs=2, discriminator_steps=4, discriminator_learning_rate=1e-2),
        adversarial=config.AdversarialSettings(rounds=4, discriminator_steps=3, evaluate_every=2),
    )


def weights(gan):
    """Copies of the weights that are trained."""
    return [*gan.generator.get_weights(), *gan.discriminator.get_weights()]


def last_checkpoint(directory, kind):
    """The name of the last checkpoint of a run, and its file of a kind, "index" or "data"."""
    folder = directory / "checkpoints"
    number = max(int(path.stem.split("-")[1]) for path in folder.glob("ckpt-*.index"))
    (path,) = folder.glob(f"ckpt-{number}.{kind}*")
    return folder / f"ckpt-{number}", path


def only_checkpoint(directory, kind):
    """As `last_checkpoint`, after the removal of the one before it, which would be read in its place."""
    name, path = last_checkpoint(directory, kind)
    for other in name.parent.glob("ckpt-*"):
        if other.name.split(".")[0] != name.name:
            other.unlink()
    return name, path


def same(some, others):
    """Whether two lists of arrays are equal bit for bit."""
    return len(some) == len(others) and all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


@functools.cache
def oracle_run(base):
    """A finished run on a tiny oracle, never interrupted.

    Returns:
        directory, settings; corpus, gan; rows; states, {(phase, step): weights after it}, in order;
        totals, {phase: steps}.
    """
    from seqgan_tf.runs.directory import create_run

    directory = base / "oracle-run"
    run = create_run(directory, oracle_settings(base))
    training = run.training()
    states, totals = {}, {}
    for progress in training.run():
        states[progress.phase, progress.step] = weights(run.gan)
        totals[progress.phase] = progress.total
    return types.SimpleNamespace(
        directory=directory,
        settings=run.settings,
        corpus=run.corpus,
        gan=run.gan,
        oracle=run.oracle,
        rows=training.state.rows,
        states=states,
        totals=totals,
    )


@functools.cache
def early_run(base):
    """The directory of a run on the tiny oracle that was stopped before the end of its pre-training."""
    from seqgan_tf.core.phases import PRETRAIN_DISCRIMINATOR
    from seqgan_tf.runs.directory import create_run

    run = create_run(base / "early-run", oracle_settings(base))
    steps = run.training().run()
    for progress in steps:
        if (progress.phase, progress.step) == (PRETRAIN_DISCRIMINATOR, 2):
            break
    steps.close()
    return run.directory


@functools.cache
def text_run(base):
    """A finished run on 40 lines of eight words, made through the command line.

    Returns:
        directory, data; code, out, err of the command.
    """
    return train(base / "text-run", "--data", write_lines(base / "words.txt"))


def train(directory, *flags, more=()):
    """A run made through the command line: directory; data, its first file; code, out, err of the command."""
    import signal

    from seqgan_tf.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["train", *map(str, flags), "--output-dir", str(directory), *FLAGS, *more])
    for name, handler in handlers.items():
        signal.signal(name, handler)
    return types.SimpleNamespace(directory=directory, data=flags[1], code=code, out=out.getvalue(), err=err.getvalue())


CONDITIONAL_FLAGS = shlex.split("--discriminator.kind cnn --encoder.embedding-dim 3 --encoder.hidden-dim 4")
COLOURS = {"rot": "red", "blau": "blue", "gruen": "green"}
ANIMALS = {"katze": "cat", "hund": "dog"}


def write_pairs(base, count=40):
    """Two files side by side: of each line, a colour and perhaps an animal; (sources, targets)."""
    draw = random.Random(2)
    lines = []
    for _ in range(count):
        words = [draw.choice([*COLOURS.items()]), *draw.sample([*ANIMALS.items()], draw.randint(0, 2))]
        lines.append([" ".join(side) for side in zip(*words, strict=True)])
    paths = base / "train.de", base / "train.en"
    for path, side in zip(paths, zip(*lines, strict=True), strict=True):
        path.write_text("\n".join(side) + "\n", encoding="utf-8")
    return paths


@functools.cache
def pairs_run(base):
    """A finished run on 40 pairs, made through the command line, as `text_run`."""
    sources, targets = write_pairs(base)
    return train(base / "pairs-run", "--data", sources, "--target", targets, *CONDITIONAL_FLAGS)


@functools.cache
def transformer_run(base):
    """A finished run of a transformer generator on 40 pairs, as `pairs_run`."""
    (base / "transformer").mkdir()
    sources, targets = write_pairs(base / "transformer")
    flags = [*CONDITIONAL_FLAGS, "--generator.kind", "transformer", "--generator.num-heads", "2"]
    return train(base / "transformer-run", "--data", sources, "--target", targets, *flags)


@functools.cache
def labels_run(base):
    """A finished run on 40 texts with one of two labels."""
    path = base / "labels.csv"
    path.write_text("label,text\nsad,red cat\nhappy,blue dog sees\n" + "sad,red\nhappy,blue\n" * 19)
    return train(base / "labels-run", "--data", path, *CONDITIONAL_FLAGS)


def write_dialogues(path, count=20):
    """A file of dialogues of three turns."""
    lines = [f"red {a}\tblue {b}\tgreen {a}\n" for a in ("cat", "dog") for b in ("cat", "bird")]
    path.write_text("".join(lines * (count // 4)), encoding="utf-8")
    return path


@functools.cache
def dialogue_run(base):
    """A finished run on 20 dialogues of three turns."""
    path = write_dialogues(base / "dialogues.txt")
    return train(base / "dialogue-run", "--data", path, "--task", "dialogue", *CONDITIONAL_FLAGS)


def write_sources(folder, count=40):
    """A folder of Python files, with `count` functions of two lines in all, four in each."""
    folder.mkdir(exist_ok=True)
    names = [f"{word}{i}" for i in range(count // 8 + 1) for word in WORDS][:count]
    for number, first in enumerate(range(0, count, 4)):
        functions = [f"def {name}(x):\n    return {name}(x)\n" for name in names[first : first + 4]]
        (folder / f"m{number}.py").write_text("\n\n".join(functions), encoding="utf-8")
    return folder


@functools.cache
def code_run(base):
    """A finished run on 40 functions, made through the command line, as `text_run`."""
    flags = shlex.split("--corpus.vocabulary-size 280 --corpus.sequence-length 30 --rollout.stride 10")
    return train(base / "code-run", "--data", write_sources(base / "sources"), "--task", "code", more=flags)


CAPTION_FLAGS = [*CONDITIONAL_FLAGS, *shlex.split("--encoder.filters 2 3 --corpus.image-size 8")]


@functools.cache
def captions_run(base):
    """A finished run on 40 images with a caption each."""
    import tiny_images

    return train(base / "captions-run", "--data", tiny_images.write_captions(base / "pictures"), *CAPTION_FLAGS)


@functools.cache
def questions_run(base):
    """A finished run on 40 images with a question and its answer each."""
    import tiny_images

    folder = tiny_images.write_captions(base / "questions", beside="prompt")
    return train(base / "questions-run", "--data", folder, *CAPTION_FLAGS)
