"""Run directories: their files, opening a run, and refusals."""

import dataclasses
import hashlib
import inspect
import shutil
import tomllib

import numpy as np
import pytest
import tiny_runs

import seqgan_tf
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.models.oracle import Oracle
from seqgan_tf.runs import config
from seqgan_tf.runs.directory import create_run, open_run


@pytest.fixture
def oracle_copy(base, tmp_path):
    """A copy of the finished run on an oracle, to be damaged."""
    return shutil.copytree(tiny_runs.oracle_run(base).directory, tmp_path / "run")


@pytest.fixture
def text_settings(tmp_path):
    """Settings of a tiny run on words."""
    return config.RunSettings(
        data=tiny_runs.write_lines(tmp_path / "words.txt"),
        batch_size=4,
        generator=config.GeneratorSettings(embedding_dim=3, hidden_dim=4),
        discriminator=config.DiscriminatorSettings(embedding_dim=3, widths=(1, 2), filters=(2, 3)),
    )


@pytest.fixture
def text_directory(tmp_path, text_settings):
    """The directory of a run on words that has only been created."""
    create_run(tmp_path / "run", text_settings)
    return tmp_path / "run"


# Round trips


def test_an_oracle_run_is_the_same_when_opened(base):
    made = tiny_runs.oracle_run(base)
    run = open_run(made.directory)
    assert run.settings == made.settings
    assert run.tokenizer is None
    assert tiny_runs.same(run.oracle.get_weights(), made.oracle.get_weights())
    for part in ("train_token_ids", "validation_token_ids", "test_token_ids"):
        assert np.array_equal(getattr(run.corpus, part), getattr(made.corpus, part))
    assert not tiny_runs.same(tiny_runs.weights(run.gan), tiny_runs.weights(made.gan))
    state = run.restore()
    assert tiny_runs.same(tiny_runs.weights(run.gan), tiny_runs.weights(made.gan))
    assert state.rows == made.rows
    assert np.array_equal(run.gan.generate(20, seed=5), made.gan.generate(20, seed=5))


def without_kind(settings):
    return {name: value for name, value in dataclasses.asdict(settings).items() if name != "kind"}


def test_the_models_of_a_run_have_its_settings(base):
    run, settings = open_run(tiny_runs.oracle_run(base).directory), tiny_runs.oracle_settings(base)
    gan = run.gan
    assert (gan.generator.vocabulary_size, gan.generator.start_token_id) == (tiny_runs.VOCABULARY, 0)
    taken = set(inspect.signature(type(gan.generator)).parameters)
    for name, value in (without_kind(settings.generator) | {"attention": None}).items():  # there are no conditions
        if name in taken:
            assert getattr(gan.generator, name) == value
    for name in ("embedding_dim", "embedding_range", "widths", "filters", "dropout", "l2"):
        value = getattr(settings.discriminator, name)
        assert getattr(gan.discriminator, name) == (list(value) if isinstance(value, tuple) else value)
    for name, value in dataclasses.asdict(settings.rollout).items():
        assert getattr(gan.reward_estimator, name) == value
    for name in (
        "generator_steps",
        "discriminator_steps",
        "likelihood_steps",
        "baseline",
        "entropy_weight",
        "kl_weight",
        "kl_reference",
    ):
        assert getattr(gan, name) == getattr(settings.adversarial, name)
    assert (gan.batch_size, gan.seed) == (settings.batch_size, settings.seed)
    rates = [float(o.learning_rate) for o in (gan.optimizer, gan.pretrain_optimizer, gan.discriminator_optimizer)]
    expected = (settings.adversarial.learning_rate, settings.pretrain.learning_rate)
    assert rates == pytest.approx([*expected, settings.pretrain.discriminator_learning_rate])
    assert gan.optimizer.global_clipnorm == gan.pretrain_optimizer.global_clipnorm == settings.pretrain.clip_norm


@pytest.mark.parametrize("level", ["word", "char", "bpe"])
def test_a_text_run_is_the_same_when_opened(level, tmp_path, text_settings):
    settings = dataclasses.replace(text_settings, level=level, seed=3)
    made = create_run(tmp_path / "run", settings)
    corpus, run = made.corpus, open_run(tmp_path / "run")
    assert run.settings == made.settings
    assert run.settings.corpus.sequence_length == corpus.sequence_length
    assert run.oracle is None
    assert run.tokenizer.encode(["red cat sees zebra"]) == made.tokenizer.encode(["red cat sees zebra"])
    again = run.corpus
    assert np.array_equal(again.train_token_ids, corpus.train_token_ids)
    assert np.array_equal(again.validation_token_ids, corpus.validation_token_ids)
    assert run.gan.generator.end_token_id == 0
    assert run.source.suppressed_tokens == (() if level == "bpe" else (1,))
    assert run.decode(again.train_token_ids[:3]) == corpus.decode(corpus.train_token_ids[:3])


def test_an_oracle_run_suppresses_no_token_and_decodes_to_numbers(base):
    run = open_run(tiny_runs.oracle_run(base).directory)
    assert run.source.suppressed_tokens == ()
    assert run.decode(np.array([[3, 1, 4]])) == ["3 1 4"]


def test_the_first_files_hold_the_version_the_settings_and_a_digest_of_the_data(text_directory, text_settings):
    assert sorted(path.name for path in text_directory.iterdir()) == ["config.toml", "tokenizer.json"]
    table = tomllib.loads((text_directory / "config.toml").read_text())
    assert table["version"] == seqgan_tf.__version__
    assert table["data_sha256"] == hashlib.sha256(text_settings.data.read_bytes()).hexdigest()
    assert table["data"] == str(text_settings.data)
    assert table["discriminator"]["widths"] == [1, 2]


def test_another_file_is_read_with_the_tokenizer_of_the_run(text_directory, tmp_path):
    other = tiny_runs.write_lines(tmp_path / "other.txt", words=("red", "zebra"))
    run = open_run(text_directory)
    corpus = run.source.corpus(run.settings, other)
    assert corpus.tokenizer is run.tokenizer
    red, zebra = run.tokenizer.encode(["red", "zebra"])
    assert zebra == [run.tokenizer.unknown_token_id]
    assert set(np.unique(corpus.train_token_ids)) == {-1, 0, *red, *zebra}


def test_only_the_number_of_rounds_can_be_changed_on_opening(base):
    directory = tiny_runs.oracle_run(base).directory
    settings = open_run(directory).settings
    changed = open_run(directory, rounds=99).settings
    assert changed.adversarial.rounds == 99
    assert dataclasses.replace(changed, adversarial=settings.adversarial) == settings
    assert open_run(directory).settings == settings


# Refusals when a run is created


def test_a_directory_that_already_holds_a_run_is_refused_and_unchanged(oracle_copy, base):
    before = {path: path.read_bytes() for path in oracle_copy.rglob("*") if path.is_file()}
    with pytest.raises(
        ValueError, match=rf"{oracle_copy}: already holds a run. Give another --output-dir, or --resume"
    ):
        create_run(oracle_copy, tiny_runs.oracle_settings(base))
    assert {path: path.read_bytes() for path in oracle_copy.rglob("*") if path.is_file()} == before


def test_a_directory_without_a_run_may_exist_already(tmp_path, text_settings):
    (tmp_path / "notes.txt").write_text("mine")
    create_run(tmp_path, text_settings)
    assert open_run(tmp_path).settings.data == text_settings.data
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_as_run_directory_is_refused(tmp_path, base):
    path = tmp_path / "run"
    path.write_text("mine")
    with pytest.raises(ValueError, match=rf"{path}: expected a directory. Received: a file"):
        create_run(path, tiny_runs.oracle_settings(base))
    assert path.read_text() == "mine"


def test_oracle_weights_with_text_are_refused(tmp_path, text_settings, base):
    settings = dataclasses.replace(text_settings, oracle_weights=tiny_runs.oracle_npz(base))
    with pytest.raises(ValueError, match=r"--oracle-weights is for runs on an oracle. Received: --data too"):
        create_run(tmp_path / "run", settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "missing.txt"}, "missing.txt: expected a text file"),
        ({"batch_size": 100}, "words.txt: expected at least 100 lines"),
        ({"rollout": config.RolloutSettings(num_rollouts=0)}, "`num_rollouts` must be at least 1"),
        ({"generator": config.GeneratorSettings(dropout=1.0)}, r"`dropout` must be in \[0, 1\)"),
        ({"discriminator": config.DiscriminatorSettings(widths=(9,))}, "`widths` must be in"),
        ({"data": None, "oracle_weights": "missing.npz"}, "missing.npz: expected a readable .npz file"),
    ],
)
def test_a_refused_run_leaves_no_files(change, message, tmp_path, text_settings):
    with pytest.raises(ValueError, match=message):
        create_run(tmp_path / "deep" / "run", dataclasses.replace(text_settings, **change))
    assert [path.name for path in tmp_path.iterdir()] == ["words.txt"]


# Refusals when a run is opened


def test_a_directory_without_a_run_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match=rf"{path}: expected a run directory, with a config.toml. Received: none"):
            open_run(path)


@pytest.mark.parametrize("line", ['version = "0.1.0"', 'version = "9.9.9"', ""])
def test_a_run_of_another_version_is_read_if_its_settings_and_checkpoint_fit(line, oracle_copy, base):
    path, made = oracle_copy / "config.toml", tiny_runs.oracle_run(base)
    path.write_text(path.read_text().replace(f'version = "{seqgan_tf.__version__}"', line))
    run = open_run(oracle_copy)
    assert run.settings == made.settings
    assert run.restore().rows == made.rows
    assert tiny_runs.same(tiny_runs.weights(run.gan), tiny_runs.weights(made.gan))


def test_settings_that_an_older_version_lacks_take_their_defaults(oracle_copy, base):
    path = oracle_copy / "config.toml"
    lines = path.read_text().splitlines()
    estimator = ("[estimator]", "simulations =", "exploration =", "num_actions =")
    generator = ("tie_embeddings =", "embedding_dropout =", "recurrent_dropout =", "output_dropout =")
    pretrain = ("schedule =", "warmup_steps =", "weight_decay =", "ema_momentum =")
    new = ("kind =", "jit_compile =", *estimator, *generator, *pretrain, "version =", "num_settings =")
    path.write_text("\n".join(line for line in lines if not line.startswith(new)))
    assert open_run(oracle_copy).settings == tiny_runs.oracle_run(base).settings


def test_an_unknown_setting_of_another_version_is_named(oracle_copy):
    path = oracle_copy / "config.toml"
    text = path.read_text().replace(f'version = "{seqgan_tf.__version__}"', 'version = "9.9.9"')
    path.write_text(text.replace("hidden_dim", "hidden_size"))
    expected = rf"{path}: unknown key 'generator.hidden_size'. .*\(the run is of version 9.9.9, this is "
    with pytest.raises(InputError, match=expected):
        open_run(oracle_copy)


def test_a_damaged_config_is_refused(oracle_copy):
    path = oracle_copy / "config.toml"
    text = path.read_text()
    path.write_text(text[: text.index("batch_size") + 12])
    with pytest.raises(ValueError, match=rf"{path}: expected TOML"):
        open_run(oracle_copy)
    path.write_text(text.replace("hidden_dim", "hidden_size"))
    with pytest.raises(ValueError, match=rf"{path}: unknown key 'generator.hidden_size'"):
        open_run(oracle_copy)
    path.write_text(text.replace("sequence_length = 5", 'sequence_length = "none"'))
    with pytest.raises(ValueError, match=rf"{path}: expected corpus.sequence_length. Received: no such key"):
        open_run(oracle_copy)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut short"])
def test_a_missing_or_damaged_oracle_is_refused(content, oracle_copy):
    path = oracle_copy / "oracle.npz"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path}: expected a readable .npz file of oracle weights"):
        open_run(oracle_copy)


def test_an_oracle_with_an_array_of_another_shape_is_refused(oracle_copy):
    path = oracle_copy / "oracle.npz"
    arrays = dict(np.load(path))
    np.savez(path, **(arrays | {"bo": np.zeros(tiny_runs.VOCABULARY + 1)}))
    with pytest.raises(ValueError, match=rf"{path}: expected array 'bo' of shape \(12,\). Received: \(13,\)"):
        open_run(oracle_copy)


@pytest.mark.parametrize("content", [None, b"{}"])
def test_a_missing_or_damaged_tokenizer_is_refused(content, text_directory):
    path = text_directory / "tokenizer.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path}: expected a tokenizer file"):
        open_run(text_directory)


def test_data_that_changed_since_the_run_began_are_refused(text_directory, text_settings):
    with open(text_settings.data, "a") as file:
        file.write("one more line\n")
    run = open_run(text_directory)
    expected = rf"{text_settings.data}: expected the text file that the run in {text_directory} began with. .* changed"
    with pytest.raises(InputError, match=expected):
        _ = run.corpus


def test_a_run_can_be_opened_without_its_data_file(text_directory, text_settings):
    text_settings.data.unlink()
    run = open_run(text_directory)
    assert len(run.gan.generate(3, seed=1)) == 3
    with pytest.raises(ValueError, match=rf"{text_settings.data}: expected the text file of the run that can be read"):
        _ = run.corpus


def test_a_run_that_was_only_created_has_no_checkpoint(text_directory):
    with pytest.raises(ValueError, match=r"expected a checkpoint to resume from. Received: none"):
        open_run(text_directory).restore()


def test_the_seed_of_the_run_does_not_change_the_built_in_oracle(tmp_path):
    corpus = config.DataSettings(sequence_length=2, oracle_sequences=4, oracle_seed=7)
    settings = config.RunSettings(
        seed=3,
        batch_size=4,
        corpus=corpus,
        generator=config.GeneratorSettings(embedding_dim=1, hidden_dim=1),
        discriminator=config.DiscriminatorSettings(embedding_dim=1, widths=(1,), filters=(1,)),
    )
    run = create_run(tmp_path / "run", settings)
    assert tiny_runs.same(run.oracle.get_weights(), Oracle(seed=7).get_weights())
    assert tiny_runs.same(open_run(tmp_path / "run").oracle.get_weights(), Oracle(seed=7).get_weights())


def test_a_run_on_text_has_the_corpus_of_the_library(text_directory, text_settings):
    """The command line trains on the corpus that `TextCorpus.from_file` returns for the same settings."""
    corpus = TextCorpus.from_file(text_settings.data, batch_size=4)
    assert np.array_equal(open_run(text_directory).corpus.train_token_ids, corpus.train_token_ids)
    saved = TextTokenizer.load(text_directory / "tokenizer.json")
    assert saved.encode(["red dog"]) == corpus.tokenizer.encode(["red dog"])
