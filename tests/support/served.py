"""A tiny export for the tests of programs that use one: eight words, six positions, made once per session."""

import functools
import os
import pathlib
import subprocess
import types

import small_models
import tiny_runs

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples" / "serving"
NAME, LENGTH = "birds", 6
# For other processes: without this one's settings for Python, and without compiled files beside the examples.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
ENVIRONMENT |= {"PYTHONDONTWRITEBYTECODE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
UNKNOWN_WORDS = "text holds words that are not in the vocabulary: 'the'"  # of the text "the bird"


@functools.cache
def export(base):
    """An export with text; not to be written to.

    Returns:
        target, version (path of it); gan, tokenizer.
    """
    import seqgan_tf as sg

    lines = tiny_runs.write_lines(base / "served-words.txt").read_text().splitlines()
    corpus = sg.TextCorpus(lines, sequence_length=LENGTH, batch_size=8)
    # Weights so large that the words differ in probability.
    sizes = {"embedding_dim": 3, "hidden_dim": 4, "end_token_id": corpus.end_token_id, "initializer_stddev": 0.7}
    generator = sg.Generator(corpus.vocabulary_size, **sizes, seed=2)
    discriminator = sg.Discriminator(corpus.vocabulary_size, LENGTH, widths=(1, 2), filters=(2, 3), seed=1)
    gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(num_rollouts=1), batch_size=8)
    version = gan.export(base / "served" / NAME, corpus.tokenizer)
    return types.SimpleNamespace(target=version.parent, version=version, gan=gan, tokenizer=corpus.tokenizer)


@functools.cache
def translator(base):
    """An export that takes source texts; not to be written to.

    Returns:
        version (path of it); gan, tokenizer, sources.
    """
    gan, tokenizer, sources = small_models.on_pairs()
    version = gan.export(base / "served" / "translator", tokenizer, conditions=sources, num_beams=3)
    return types.SimpleNamespace(version=version, gan=gan, tokenizer=tokenizer, sources=sources)


def translations(exported, texts, length_penalty):
    """The texts that `SeqGAN.generate` finds for sources with as many beams as the export has."""
    settings = {"num_beams": 3, "suppress_tokens": [exported.tokenizer.unknown_token_id]}
    condition = exported.sources.encode(texts)
    found = exported.gan.generate(condition=condition, length_penalty=length_penalty, **settings)
    return exported.tokenizer.decode(found)


@functools.cache
def loaded(version):
    import tensorflow as tf

    return tf.saved_model.load(str(version))


def answer(version, signature, **inputs):
    """The answer of an export's signature in this process: {name: numpy array}."""
    return small_models.ask(loaded(version), signature, **inputs)


def completions(version, texts, seed, temperature, **condition):
    """The texts of `complete` with the seeds [seed, row] (None where there is an error), and the errors."""
    seeds = [[seed, i] for i in range(len(texts))]
    found = answer(version, "complete", text=texts, seed=seeds, temperature=[temperature] * len(texts), **condition)
    errors = [error.decode() for error in found["error"]]
    return [None if error else text.decode() for text, error in zip(found["text"], errors, strict=True)], errors


def run(*command, text=None, cwd=None):
    """Runs a command; returns the finished process."""
    return subprocess.run(
        [str(part) for part in command],
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env=ENVIRONMENT,
        timeout=120,
    )


def own_lines(stderr):
    """The lines of a standard error without those of TensorFlow."""
    noise = ("WARNING: All log", "I0000 ", "W0000 ", "E0000 ")
    return [line for line in stderr.splitlines() if not line.startswith(noise)]
