"""Building a run from its settings: the class of each kind, and the compile settings of the training."""

import dataclasses
import inspect
import types
import typing

import pytest
import tensorflow as tf
import tiny_runs

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.data import corpora, records
from seqgan_tf.data.code_corpus import PLAIN_CORPORA
from seqgan_tf.data.music import MusicCorpus
from seqgan_tf.runs import build, checks, config, presets
from seqgan_tf.runs.code_source import CodeSource
from seqgan_tf.runs.directory import create_run, load_run, open_run
from seqgan_tf.runs.oracle_source import OracleSource
from seqgan_tf.runs.sources import source_class
from seqgan_tf.runs.text_source import TextSource


@pytest.fixture
def short(base):
    """Settings of a run of one step of each phase."""
    return dataclasses.replace(
        tiny_runs.oracle_settings(base),
        corpus=config.DataSettings(sequence_length=5, oracle_sequences=4),
        pretrain=config.PretrainSettings(epochs=1, discriminator_steps=1),
        adversarial=config.AdversarialSettings(rounds=1, discriminator_steps=1),
    )


def test_every_kind_of_the_settings_has_a_class():
    kinds = {
        config.GeneratorSettings: build.GENERATORS,
        config.DiscriminatorSettings: build.DISCRIMINATORS,
        config.EstimatorSettings: build.ESTIMATORS,
    }
    for settings, classes in kinds.items():
        literal = settings.__annotations__["kind"]
        assert set(literal.__args__) == set(classes)
    tasks = next(iter(typing.get_args(typing.get_type_hints(config.RunSettings)["task"])))
    assert set(tasks.__args__) == {presets.ORACLE, *records.TASKS}
    assert set(records.TASKS) == {*PLAIN_CORPORA, *corpora.CORPORA, MusicCorpus.task}
    assert set(build.CONTROLS) == {"none", "constant", "noise"}


def test_the_settings_of_an_estimator_are_the_arguments_of_its_class():
    for kind, estimator in build.ESTIMATORS.items():
        taken = {name for name in checks.OF_ESTIMATORS[kind] if not name.startswith("reward.")}
        assert {name.split(".")[1] for name in taken} == set(inspect.signature(estimator).parameters)
        of_objectives = {f"reward.{field.name}" for field in fields_of("reward")}
        assert set(checks.OF_ESTIMATORS[kind]) - taken == (of_objectives if "rollout.reward" in taken else set())
    assert set(checks.OF_ESTIMATORS) == set(build.ESTIMATORS)
    tables = ("estimator", "rollout", "reward")
    everything = [f"{table}.{field.name}" for table in tables for field in fields_of(table)]
    assert set(everything) == {"estimator.kind"}.union(*checks.OF_ESTIMATORS.values())


def test_the_settings_of_tasks_are_settings_and_each_task_is_one():
    keys = {"level", *(f"corpus.{field.name}" for field in fields_of("corpus"))}
    assert keys - set(checks.OF_TASKS) == {"corpus.sequence_length"}  # all tasks take it
    assert set(checks.OF_TASKS) <= keys
    assert {task for tasks in checks.OF_TASKS.values() for task in tasks} == {presets.ORACLE, *records.TASKS}


def fields_of(table):
    return dataclasses.fields(getattr(config.RunSettings(), table))


def test_the_estimator_is_that_of_its_kind(base):
    settings = tiny_runs.oracle_settings(base)
    rollout = build.build_estimator(settings, source())
    assert isinstance(rollout, sg.MonteCarloRollout)
    assert rollout.num_rollouts == settings.rollout.num_rollouts
    kind = config.EstimatorSettings("tree", simulations=5, exploration=0.5, num_actions=3)
    tree = build.build_estimator(dataclasses.replace(settings, estimator=kind), source())
    assert isinstance(tree, sg.MonteCarloTreeSearch)
    assert (tree.simulations, tree.exploration, tree.num_actions) == (5, 0.5, 3)
    assert (tree.reward, tree.stride) == (settings.rollout.reward, settings.rollout.stride)
    terminal = dataclasses.replace(
        settings,
        estimator=config.EstimatorSettings("terminal"),
        rollout=dataclasses.replace(settings.rollout, reward="log_odds", clip=2.0),
        adversarial=dataclasses.replace(settings.adversarial, control="noise"),
    )
    noise = build.build_estimator(terminal, source())
    assert isinstance(noise, sg.ShuffledReward)
    assert isinstance(noise.estimator, sg.TerminalReward)
    assert (noise.estimator.reward, noise.estimator.clip) == ("log_odds", 2.0)


def with_discriminator(settings, **changes):
    return dataclasses.replace(settings, discriminator=config.DiscriminatorSettings(**changes))


def source(vocabulary_size=12):
    return types.SimpleNamespace(vocabulary_size=vocabulary_size, conditions=None)


def test_the_discriminator_is_that_of_its_kind_with_its_own_settings():
    shared = {"embedding_dim": 3, "embedding_range": 0.7, "dropout": 0.1}
    own = {"cnn": {"widths": (1, 2), "filters": (2, 3), "l2": 0.3}}
    own["recurrent"] = {"hidden_dim": 5, "cell": "lstm", "num_layers": 2}
    own["ngram"] = {"distances": 2, "members": 3}
    short = dataclasses.replace(
        config.RunSettings(seed=4, dtype_policy="mixed_bfloat16"), corpus=config.DataSettings(sequence_length=5)
    )
    kinds = {"cnn": sg.Discriminator, "recurrent": sg.RecurrentDiscriminator, "ngram": sg.NgramDiscriminator}
    for kind, cls in kinds.items():
        given = shared | own[kind]
        found = build.build_discriminator(with_discriminator(short, kind=kind, **given), source())
        assert type(found) is cls
        expected = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
        expected |= {"vocabulary_size": 12, "sequence_length": 5, "seed": 4}
        assert {name: found.get_config()[name] for name in expected} == expected
        assert found.dtype_policy.name == "mixed_bfloat16"
        # The defaults of both classes are 0.2, 0.25 and so on; those of a run are its settings.
        default = build.build_discriminator(with_discriminator(short, kind=kind), source())
        assert default.embedding_range == config.DiscriminatorSettings.embedding_range


@pytest.mark.parametrize("task", [presets.ORACLE, *records.TASKS])
@pytest.mark.parametrize("name", ["quick", "paper"])
def test_every_preset_takes_every_discriminator(name, task):
    for kind in build.DISCRIMINATORS:
        settings = presets.for_kinds(presets.preset(name, task), discriminator=kind)
        changed = dataclasses.replace(settings.discriminator, kind=kind)
        corpus = config.DataSettings(sequence_length=3)
        settings = dataclasses.replace(settings, discriminator=changed, corpus=corpus)
        checks.check(settings)
        build.build_discriminator(settings, source())


def test_the_settings_of_recurrent_generators_alone_are_those_that_no_other_kind_takes():
    names = {field.name for field in dataclasses.fields(config.GeneratorSettings)}
    taken = {kind: names & set(inspect.signature(cls).parameters) for kind, cls in build.GENERATORS.items()}
    others = set.union(*(found for kind, found in taken.items() if kind != "recurrent"))
    assert set(presets.RECURRENT) == taken["recurrent"] - others


@pytest.mark.parametrize("task", [presets.ORACLE, *records.TASKS])
@pytest.mark.parametrize("name", ["quick", "paper"])
def test_every_preset_takes_every_generator(name, task):
    where = types.SimpleNamespace(vocabulary_size=12, conditions=None, start_token_id=None, end_token_id=0)
    for kind in build.GENERATORS:
        settings = presets.for_kinds(presets.preset(name, task), generator=kind)
        chosen = dataclasses.replace(settings.generator, kind=kind)
        corpus = config.DataSettings(sequence_length=3)
        found = build.build_generator(dataclasses.replace(settings, generator=chosen, corpus=corpus), where)
        assert type(found) is build.GENERATORS[kind]
        assert found.hidden_dim == settings.generator.hidden_dim


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("recurrent", {"widths": (1, 2)}, r"takes no --discriminator.widths. Received: \[1, 2\]$"),
        ("recurrent", {"filters": (3,)}, r"takes no --discriminator.filters. Received: \[3\]$"),
        ("recurrent", {"l2": 0.0}, "takes no --discriminator.l2. Received: 0.0$"),
        ("cnn", {"hidden_dim": 5}, "takes no --discriminator.hidden-dim. Received: 5$"),
        ("cnn", {"cell": "lstm"}, "takes no --discriminator.cell. Received: lstm$"),
        ("cnn", {"num_layers": 2}, "takes no --discriminator.num-layers. Received: 2$"),
    ],
)
def test_a_setting_of_another_kind_of_discriminator_is_refused(kind, changes, message, base, tmp_path):
    settings = with_discriminator(tiny_runs.oracle_settings(base), kind=kind, **changes)
    with pytest.raises(InputError, match=f"^--discriminator.kind {kind} {message}"):
        create_run(tmp_path / "run", settings)
    assert not (tmp_path / "run").exists()


def test_the_task_follows_from_the_data_unless_it_is_given(base, tmp_path):
    settings = config.RunSettings()
    text = config.RunSettings(data=tiny_runs.write_lines(tmp_path / "words.txt"))
    assert source_class(settings) is OracleSource
    assert source_class(text) is TextSource
    assert source_class(dataclasses.replace(text, task="code")) is CodeSource
    with pytest.raises(InputError, match=r"--task oracle takes no file. Received: --data .*words.txt"):
        create_run(tmp_path / "run", dataclasses.replace(text, task="oracle"))
    with pytest.raises(InputError, match=r"--task text needs --data, a file. Received: none"):
        create_run(tmp_path / "run", config.RunSettings(task="text"))
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_trained_eagerly_calls_its_steps_in_python(short, tmp_path):
    run = create_run(tmp_path / "eager", short, run_eagerly=True)
    inside = []
    discriminator_call = run.gan.discriminator.call

    def spy(token_ids, training=False):
        inside.append(tf.inside_function())
        return discriminator_call(token_ids, training)

    run.gan.discriminator.call = spy
    list(run.training().run())
    assert not all(inside)  # the evaluations by Keras are compiled
    assert (run.gan.run_eagerly, run.gan.jit_compile) == (True, False)


def test_a_run_that_is_compiled_with_xla_trains_the_same(short, tmp_path):
    runs = {}
    for jit in (False, True):
        run = create_run(tmp_path / str(jit), dataclasses.replace(short, jit_compile=jit))
        training = run.training()
        for function in training.functions.values():
            assert function._jit_compile is (True if jit else None)
        list(training.run())
        runs[jit] = [row["nll_test"] for row in training.state.rows]
        assert open_run(tmp_path / str(jit)).gan.jit_compile is jit
    assert runs[True] == pytest.approx(runs[False], rel=1e-4)


def test_a_loaded_run_has_the_weights_of_its_last_checkpoint(base, whole):
    run = sg.load_run(whole.directory)
    assert tiny_runs.same(tiny_runs.weights(run.gan), tiny_runs.weights(whole.gan))
    assert run.settings == whole.settings
    assert run.tokenizer is None
    assert tiny_runs.same([run.corpus.held_out_token_ids], [whole.corpus.test_token_ids])
    text = load_run(str(tiny_runs.text_run(base).directory))
    assert text.tokenizer.encode(["red cat"]) == text.corpus.tokenizer.encode(["red cat"])
    assert len(text.decode(text.gan.generate(3, seed=1))) == 3


def test_a_directory_that_is_not_a_run_cannot_be_loaded(tmp_path):
    with pytest.raises(InputError, match=rf"{tmp_path}: expected a run directory, with a config.toml. Received: none"):
        sg.load_run(tmp_path)
