"""Settings: presets, and their TOML file."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from seqgan_tf import config


def read_back(settings, tmp_path, **header):
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml(settings, **header), encoding="utf-8")
    table = config.read_toml(path)
    for name in header:
        del table[name]
    return config.override(config.RunSettings(), table, path)


def override(text, settings=None):
    return config.override(settings or config.RunSettings(), tomllib.loads(text), "my.toml")


# Presets


def test_the_paper_preset_is_the_authors_schedule():
    for text in (True, False):
        paper = config.preset("paper", text)
        assert (paper.rollout.num_rollouts, paper.rollout.update_rate, paper.rollout.reward) == (16, 0.8, "probability")
        assert (paper.pretrain.epochs, paper.pretrain.patience, paper.adversarial.rounds) == (120, None, 200)
        assert (paper.adversarial.baseline, paper.adversarial.control) == ("none", "none")
        assert (paper.adversarial.generator_steps, paper.adversarial.likelihood_steps) == (1, 0)
        assert (paper.generator.embedding_dim, paper.generator.hidden_dim, paper.batch_size) == (32, 32, 64)
        assert paper.generator.initializer_stddev == 0.1
        assert (paper.pretrain.learning_rate, paper.pretrain.discriminator_learning_rate) == (1e-2, 1e-4)
        # Their batches of 64 mix 10,000 real and as many generated sequences: 312 a pass. First 50 times 3 passes over
        # fresh samples, then 5 times 3 a round.
        assert paper.pretrain.discriminator_steps == 50 * 3 * 312
        assert paper.adversarial.discriminator_steps == 5 * 3 * 312


def test_the_quick_preset_on_the_oracle_has_the_sizes_reward_and_baseline_of_the_paper_and_a_shorter_schedule():
    quick, paper = config.preset("quick", text=False), config.preset("paper", text=False)
    assert quick == config.RunSettings()
    for name in ("corpus", "generator", "batch_size", "seed"):
        assert getattr(quick, name) == getattr(paper, name)
    for name in ("embedding_dim", "widths", "filters", "dropout", "l2"):
        assert getattr(quick.discriminator, name) == getattr(paper.discriminator, name)
    assert (quick.rollout.reward, quick.adversarial.baseline) == (paper.rollout.reward, paper.adversarial.baseline)
    assert quick.pretrain.epochs < paper.pretrain.epochs
    assert quick.adversarial.rounds < paper.adversarial.rounds
    assert quick.rollout.num_rollouts < paper.rollout.num_rollouts


def test_the_quick_preset_on_text_stops_early_and_keeps_diversity():
    text, oracle = config.preset("quick", text=True), config.preset("quick", text=False)
    assert text.pretrain.patience is not None
    assert oracle.pretrain.patience is None
    assert (text.rollout.reward, text.adversarial.baseline) == ("log_odds", "leave_one_out")
    assert text.adversarial.learning_rate < oracle.adversarial.learning_rate
    assert text.generator.hidden_dim > oracle.generator.hidden_dim


# Controls


def changes(settings, name):
    """What a control changes: {key: value}."""
    return {key: new for key, (_, new) in config.difference(settings, config.control(settings, name)).items()}


def test_a_control_of_the_reward_changes_nothing_else():
    for settings in (config.preset("quick", text=False), config.preset("quick", text=True)):
        assert changes(settings, "constant") == {"adversarial.control": "constant"}
        assert changes(settings, "noise") == {"adversarial.control": "noise"}


def test_the_likelihood_control_puts_likelihood_steps_in_the_place_of_policy_gradient_steps():
    steps = config.AdversarialSettings(generator_steps=3, likelihood_steps=2)
    for settings, number in ((config.RunSettings(), 1), (config.RunSettings(adversarial=steps), 5)):
        assert changes(settings, "likelihood") == {
            "adversarial.generator_steps": 0,
            "adversarial.likelihood_steps": number,
        }


def test_a_control_can_be_branched_from_its_run():
    for name in config.CONTROLS:
        assert all(key.startswith(config.BRANCHING) for key in changes(config.RunSettings(), name))


def test_every_control_is_the_same_when_read_back(tmp_path):
    assert sorted(config.CONTROLS) == ["constant", "likelihood", "noise"]
    for name in config.CONTROLS:
        settings = config.control(config.preset("quick", text=True), name)
        assert read_back(settings, tmp_path) == settings


def test_settings_differ_in_what_they_differ_in():
    settings = config.RunSettings(seed=3, data=Path("a.txt"), corpus=config.DataSettings(oracle_seed=2))
    assert config.difference(settings, settings) == {}
    assert config.difference(config.RunSettings(), settings) == {
        "seed": (0, 3),
        "data": (None, Path("a.txt")),
        "corpus.oracle_seed": (0, 2),
    }


# Round trips


@pytest.mark.parametrize(("name", "text"), [("quick", False), ("paper", False), ("paper", True)])
def test_a_preset_is_the_same_when_read_back(name, text, tmp_path):
    settings = config.preset(name, text)
    assert read_back(settings, tmp_path) == settings


def test_none_and_tuples_are_the_same_when_read_back(tmp_path):
    settings = config.RunSettings(
        oracle_weights=Path("o.npz"),
        corpus=config.DataSettings(sequence_length=7),
        discriminator=config.DiscriminatorSettings(widths=(1, 2, 30), filters=(4, 5, 6)),
        pretrain=config.PretrainSettings(patience=3, learning_rate=1e-5, clip_norm=1e20),
    )
    assert read_back(settings, tmp_path) == settings
    without = dataclasses.replace(settings, oracle_weights=None, corpus=config.DataSettings())
    assert read_back(without, tmp_path) == without


@pytest.mark.parametrize(
    "path",
    ["with blank.txt", 'a "quoted" name', "C:\\back\\slash", "tab\there", "line\nbreak", "春眠/üñ.txt", "#[x]=1"],
)
def test_paths_with_odd_characters_are_the_same_when_read_back(path, tmp_path):
    settings = config.RunSettings(data=Path(path))
    assert read_back(settings, tmp_path).data == Path(path)


def test_a_header_stands_before_the_settings(tmp_path):
    text = config.to_toml(config.RunSettings(), version="1.2.3", data_sha256="abc")
    assert text.startswith('version = "1.2.3"\ndata_sha256 = "abc"\n')
    assert read_back(config.RunSettings(seed=3), tmp_path, version="1.2.3").seed == 3


def test_the_header_of_a_run_is_no_setting():
    table = tomllib.loads(config.to_toml(config.RunSettings(seed=3), version="1.2.3", data_sha256="abc"))
    assert config.without_header(table) == tomllib.loads(config.to_toml(config.RunSettings(seed=3)))


def test_the_file_of_a_preset_names_every_setting_that_is_not_none():
    settings = config.preset("quick", text=False)
    table = tomllib.loads(config.to_toml(settings))
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            assert set(table[field.name]) >= {k for k, v in dataclasses.asdict(value).items() if v is not None}
        else:
            assert field.name in table or value is None


# What a file may say


def test_a_file_changes_what_it_names_and_nothing_else():
    settings = config.RunSettings(batch_size=7, corpus=config.DataSettings(min_frequency=5, oracle_seed=4))
    changed = override("seed = 9\n[corpus]\noracle_seed = 8\n", settings)
    expected = dataclasses.replace(settings, seed=9, corpus=dataclasses.replace(settings.corpus, oracle_seed=8))
    assert changed == expected


def test_whole_numbers_do_for_fractions_and_lists_for_tuples():
    settings = override("[discriminator]\ndropout = 0\nwidths = [1, 2]\n[generator]\ninitializer_stddev = 1\n")
    assert (settings.discriminator.dropout, settings.generator.initializer_stddev) == (0.0, 1.0)
    assert isinstance(settings.discriminator.dropout, float)
    assert settings.discriminator.widths == (1, 2)
    assert override('data = "a.txt"\n').data == Path("a.txt")


@pytest.mark.parametrize(
    ("text", "key"),
    [("sead = 1", "sead"), ("[corpus]\nvocab = 1", "corpus.vocab"), ("[corpsu]\nseed = 1", "corpsu")],
)
def test_an_unknown_key_is_refused_by_its_whole_name(text, key):
    with pytest.raises(ValueError, match=rf"my.toml: unknown key '{re.escape(key)}'. Expected one of \["):
        override(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('seed = "1"', "seed: expected int. Received: '1'"),
        ("seed = 1.0", "seed: expected int. Received: 1.0"),
        ("seed = true", "seed: expected int. Received: True"),
        ("data = 3", "data: expected Path. Received: 3"),
        ('level = "syllable"', r"level: expected \('char', 'word', 'bpe'\). Received: 'syllable'"),
        ("level = []", r"level: expected .*'word'.* Received: \[\]"),
        ('[corpus]\nsequence_length = "9"', "corpus.sequence_length: expected int. Received: '9'"),
        ("[generator]\ndropout = true", "generator.dropout: expected float. Received: True"),
        ('[generator]\ncell = "rnn"', r"generator.cell: expected \('lstm', 'gru'\). Received: 'rnn'"),
        ('[adversarial]\ncontrol = "likelihood"', r"adversarial.control: expected \('none', 'constant', 'noise'\)."),
        ('[adversarial]\nlikelihood_steps = "1"', "adversarial.likelihood_steps: expected int. Received: '1'"),
        ("[discriminator]\nwidths = 3", "discriminator.widths: expected .*int.* Received: 3"),
        ('[discriminator]\nwidths = [1, "2"]', r"discriminator.widths: expected .*int.* Received: \[1, '2'\]"),
        ("[discriminator]\nwidths = [1, 2.5]", r"discriminator.widths: expected .*int.* Received: \[1, 2.5\]"),
        ("corpus = 3", r"expected a table \[corpus\]. Received: 3"),
        ("[seed]\nvalue = 1", "seed: expected int. Received: {'value': 1}"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_name(text, message):
    with pytest.raises(ValueError, match=f"my.toml: {message}"):
        override(text)


@pytest.mark.parametrize("content", [b"seed = ", b"[corpus\n", b"seed = 1\nseed = 2\n", b"\xff\xfe\x00", b"just text"])
def test_a_file_that_is_no_toml_is_refused_by_name(content, tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path}: expected TOML"):
        config.read_toml(path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    path = tmp_path / "my.toml"
    with pytest.raises(ValueError, match=rf"{path}: expected a TOML file that can be read .No such file"):
        config.read_toml(path)
    with pytest.raises(ValueError, match="expected a TOML file that can be read"):
        config.read_toml(tmp_path)


def test_the_text_preset_is_the_same_when_read_back(tmp_path):
    settings = config.preset("quick", text=True)
    assert read_back(settings, tmp_path) == settings


def test_none_in_a_file_stands_over_the_preset(tmp_path):
    path = tmp_path / "my.toml"
    settings = dataclasses.replace(config.RunSettings(), pretrain=config.PretrainSettings(patience=None))
    path.write_text(config.to_toml(settings))
    assert config.override(config.preset("quick", text=True), config.read_toml(path), path).pretrain.patience is None


@pytest.mark.parametrize("name", ["😀.txt", "𠮷.txt", "del\x7f.txt"])
def test_paths_with_any_character_are_the_same_when_read_back(name, tmp_path):
    assert read_back(config.RunSettings(data=Path(name)), tmp_path).data == Path(name)
