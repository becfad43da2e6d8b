"""A run with a transformer generator, made through the command line: it resumes, generates and exports."""

import dataclasses
import shlex

import numpy as np
import pytest
import tensorflow as tf
import tiny_runs

import seqgan_tf as sg
from seqgan_tf.models.transformer_generator import TransformerGenerator
from seqgan_tf.runs.directory import create_run, open_run


@pytest.fixture(scope="module")
def made(base):
    """The finished run; not to be written to."""
    run = tiny_runs.transformer_run(base)
    assert (run.code, run.err) == (0, "")
    return run


def test_the_run_has_the_generator_of_its_settings(made):
    run = sg.load_run(made.directory)
    generator = run.gan.generator
    assert type(generator) is TransformerGenerator
    expected = {"sequence_length": 5, "embedding_dim": 3, "hidden_dim": 4, "num_heads": 2, "dropout": 0.3}
    assert {name: generator.get_config()[name] for name in expected} == expected
    assert type(run.gan.rollout_policy) is TransformerGenerator  # it lags behind
    assert run.settings.generator.cell == "lstm"  # of the preset it is gru, which a transformer does not take


def test_a_run_that_is_closed_in_each_phase_ends_as_an_uninterrupted_one(made, tmp_path):
    settings = open_run(made.directory).settings
    run, closed = create_run(tmp_path / "run", settings), 0
    for phase, step in (("pretrain generator", 7), ("pretrain discriminator", 2), ("adversarial", 3), (None, None)):
        steps = run.training(run.restore() if closed else None).run()
        for progress in steps:
            if (progress.phase, progress.step) == (phase, step):
                closed += 1
                break
        steps.close()
        last, run = run, open_run(tmp_path / "run")
    assert closed == 3
    assert tiny_runs.same(tiny_runs.weights(last.gan), tiny_runs.weights(sg.load_run(made.directory).gan))


def test_it_generates_for_a_condition_and_searches_with_beams(made, run):
    opened = sg.load_run(made.directory)
    condition = opened.source.conditions.encode(["rot katze"] * 5)
    suppressed = opened.source.suppressed_tokens
    for flags, settings in (("--seed 3 --temperature 0.7", {"seed": 3, "temperature": 0.7}), ("--num-beams 3", {})):
        code, out, err = run("generate", made.directory, "--condition", "rot katze", *shlex.split(flags))
        assert (code, err) == (0, "")
        beams = {} if settings else {"num_beams": 3}
        expected = opened.gan.generate(condition=condition, suppress_tokens=suppressed, **settings, **beams)
        assert set(out.splitlines()) == set(opened.decode(expected))


def test_its_export_draws_what_the_run_does(made, run, tmp_path):
    code, _, err = run("export", made.directory, tmp_path / "served")
    assert (code, err) == (0, "")
    opened = sg.load_run(made.directory)
    served = tf.saved_model.load(str(tmp_path / "served" / "1")).signatures["generate"]
    sources = ["rot katze", "blau"]
    answer = served(
        source=tf.constant(sources),
        seed=tf.constant([[2, 0], [2, 1]]),
        temperature=tf.ones([2]),
        top_p=tf.ones([2]),
    )
    suppressed = opened.source.suppressed_tokens
    expected = opened.gan.generate(
        condition=opened.source.conditions.encode(sources), seed=2, suppress_tokens=suppressed
    )
    np.testing.assert_array_equal(answer["token_ids"], expected)


def test_a_preset_takes_a_transformer_and_the_same_flags_without_one_a_recurrent_generator():
    from seqgan_tf.cli.main import parse

    pairs = ["train", "--data", "a.tsv", "--task", "pairs"]
    recurrent = parse(pairs).generator
    assert (recurrent.kind, recurrent.cell) == ("recurrent", "gru")
    transformer = parse([*pairs, "--generator.kind", "transformer"]).generator
    assert transformer == dataclasses.replace(recurrent, kind="transformer", cell="lstm")


def test_a_preset_takes_a_transformer_of_a_toml_file(tmp_path):
    from seqgan_tf.cli.main import parse

    path = tmp_path / "my.toml"
    path.write_text('data = "a.tsv"\ntask = "pairs"\n[generator]\nkind = "transformer"\nnum_heads = 2\n')
    found = parse(["train", "--config", str(path)]).generator
    assert (found.kind, found.num_heads, found.cell) == ("transformer", 2, "lstm")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--generator.kind bert", "--generator.kind must be one of recurrent, transformer. Received: 'bert'"),
        ("--generator.kind transformer --generator.cell gru", "takes no --generator.cell. Received: gru"),
        ("--generator.kind transformer --generator.attention none", "takes no --generator.attention. Received: None"),
        ("--generator.num-heads 2", "--generator.kind recurrent takes no --generator.num-heads. Received: 2"),
        ("--generator.positions learned", "takes no --generator.positions. Received: learned"),
        (
            "--generator.kind transformer --generator.num-heads 5",
            "must be a multiple of `num_heads`. Received: 32 and 5",
        ),
    ],
)
def test_a_setting_of_another_kind_and_an_impossible_one_are_refused(flags, message, refused, tmp_path):
    directory = tmp_path / "run"
    line = refused("train", "--output-dir", directory, "--corpus.oracle-sequences", "64", *shlex.split(flags))
    assert message in line
    assert not directory.exists()
