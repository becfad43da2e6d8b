"""The TOML files of settings: round trips, and refused files."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from any_settings import values_of
from hypothesis import given, settings

from seqgan_tf.core.validation import InputError
from seqgan_tf.runs import config, presets, toml


def read_back(settings, tmp_path, **header):
    path = tmp_path / "config.toml"
    path.write_text(toml.to_toml(settings, **header), encoding="utf-8")
    table = toml.read_toml(path)
    for name in header:
        del table[name]
    return toml.override(config.RunSettings(), table, path)


def override(text, settings=None):
    return toml.override(settings or config.RunSettings(), tomllib.loads(text), "my.toml")


def test_every_control_is_the_same_when_read_back(tmp_path):
    assert sorted(presets.CONTROLS) == ["constant", "likelihood", "noise"]
    for name in presets.CONTROLS:
        settings = presets.control(presets.preset("quick", "text"), name)
        assert read_back(settings, tmp_path) == settings


@pytest.mark.parametrize(("name", "text"), [("quick", False), ("paper", False), ("paper", True)])
def test_a_preset_is_the_same_when_read_back(name, text, tmp_path):
    settings = presets.preset(name, text)
    assert read_back(settings, tmp_path) == settings


def test_the_text_preset_is_the_same_when_read_back(tmp_path):
    settings = presets.preset("quick", "text")
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


@pytest.mark.parametrize("name", ["😀.txt", "𠮷.txt", "del\x7f.txt"])
def test_paths_with_any_character_are_the_same_when_read_back(name, tmp_path):
    assert read_back(config.RunSettings(data=Path(name)), tmp_path).data == Path(name)


def test_a_header_comes_before_the_settings(tmp_path):
    text = toml.to_toml(config.RunSettings(), version="1.2.3", data_sha256="abc")
    assert text.startswith('version = "1.2.3"\ndata_sha256 = "abc"\n')
    assert read_back(config.RunSettings(seed=3), tmp_path, version="1.2.3").seed == 3


def test_header_keys_are_not_settings():
    table = tomllib.loads(toml.to_toml(config.RunSettings(seed=3), version="1.2.3", data_sha256="abc"))
    assert toml.without_header(table) == tomllib.loads(toml.to_toml(config.RunSettings(seed=3)))


def test_the_file_of_a_preset_names_every_setting_that_is_not_none():
    settings = presets.preset("quick", "oracle")
    table = tomllib.loads(toml.to_toml(settings))
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            assert set(table[field.name]) >= {k for k, v in dataclasses.asdict(value).items() if v is not None}
        else:
            assert field.name in table or value is None


def test_a_file_changes_what_it_names_and_nothing_else():
    settings = config.RunSettings(batch_size=7, corpus=config.DataSettings(min_frequency=5, oracle_seed=4))
    changed = override("seed = 9\n[corpus]\noracle_seed = 8\n", settings)
    expected = dataclasses.replace(settings, seed=9, corpus=dataclasses.replace(settings.corpus, oracle_seed=8))
    assert changed == expected


def test_none_in_a_file_overrides_the_preset(tmp_path):
    path = tmp_path / "my.toml"
    settings = dataclasses.replace(config.RunSettings(), pretrain=config.PretrainSettings(patience=None))
    path.write_text(toml.to_toml(settings))
    assert toml.override(presets.preset("quick", "text"), toml.read_toml(path), path).pretrain.patience is None


def test_integers_are_read_as_floats_and_lists_as_tuples():
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
        ('level = "syllable"', r"level: expected \('char', 'word', 'whitespace', 'bpe', 'ids'\). Received: 'syllable'"),
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


@pytest.mark.parametrize("content", [b"seed = ", b"[corpus\n", b"seed = 1\nseed = 2\n", b"just text"])
def test_a_file_that_is_not_toml_is_refused_by_name(content, tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path}: expected TOML"):
        toml.read_toml(path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    path = tmp_path / "my.toml"
    with pytest.raises(ValueError, match=rf"^{path}: expected a TOML file that can be read .No such file"):
        toml.read_toml(path)
    with pytest.raises(ValueError, match=rf"^{tmp_path}: expected a TOML file that can be read"):
        toml.read_toml(tmp_path)


def test_a_file_in_another_encoding_is_refused_by_name(tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=rf"^{path}: expected UTF-8 text. Received: byte 0xff at 0"):
        toml.read_toml(path)


def test_a_byte_order_mark_is_ignored(tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xef\xbb\xbfseed = 3\n")
    assert toml.read_toml(path) == {"seed": 3}


@settings(max_examples=60)
@given(values_of(config.RunSettings))
def test_any_settings_are_the_same_when_read_back(any_settings):
    """Infinite floats too, for which TOML and JSON have different words."""
    table = tomllib.loads(toml.to_toml(any_settings))
    assert toml.override(config.RunSettings(), table, "my.toml") == any_settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = " + "[" * 100_000, "expected TOML. Received: one that is nested too deeply"),
        ("a = " + "1" * 10_000, r"expected TOML \(Exceeds the limit"),
    ],
)
def test_a_file_that_would_exhaust_the_parser_is_refused(text, message, tmp_path):
    (tmp_path / "deep.toml").write_text(text)
    with pytest.raises(InputError, match=rf"deep\.toml: {message}"):
        toml.read_toml(tmp_path / "deep.toml")
