"""A `.keras` file from elsewhere is data: what it names is a part of a model, or it is refused."""

import base64
import json
import marshal
import zipfile

import keras
import pytest

import seqgan_tf as sg


def with_part(path, part, value):
    """A saved model of which one part is replaced by another object of a configuration."""
    gan = sg.SeqGAN(sg.Generator(5, 2, 2), sg.Discriminator(5, 4, widths=[1], filters=[2]), sg.TerminalReward())
    gan.save(path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    config = json.loads(parts["config.json"])
    config["config"][part] = value
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)


def named(module, name, config):
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def code_of_lambda(command):
    code = compile(f"__import__('os').system({command!r})", "lambda", "eval")
    function = {"code": base64.b64encode(marshal.dumps(code)).decode(), "defaults": None, "closure": None}
    return {"name": "lambda", "function": {"class_name": "__lambda__", "config": function}}


HOSTILE = {
    "a shell command": lambda mark: named("os", "system", f"touch {mark}"),
    "a process": lambda mark: named("subprocess", "Popen", {"args": ["touch", mark]}),
    "a function by name": lambda mark: named("builtins", "function", "exec"),
    "a lambda": lambda mark: named("keras.layers", "Lambda", code_of_lambda(f"touch {mark}")),
    "a download": lambda mark: named("keras.utils", "get_file", {"fname": mark, "origin": "file:///etc/hostname"}),
    "a run": lambda mark: named("seqgan_tf.runs.directory", "load_run", {"directory": mark}),
    "a file writer": lambda mark: named("seqgan_tf.core.files", "write_text", {"path": mark, "text": "a"}),
}


@pytest.mark.parametrize("part", ["generator", "discriminator", "reward_estimator"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_part_of_a_model_is_refused_and_not_run(kind, part, tmp_path):
    path, mark = tmp_path / "gan.keras", tmp_path / "mark"
    with_part(path, part, HOSTILE[kind](str(mark)))
    with pytest.raises((TypeError, ValueError)):
        keras.saving.load_model(path)
    assert [found.name for found in tmp_path.iterdir()] == ["gan.keras"]


@keras.saving.register_keras_serializable("test_hostile_models", "own")
def own(completions):
    return completions


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("place", ["reward", "term", "function", "decode"])
def test_what_is_no_part_of_a_reward_is_refused_and_not_run(kind, place, tmp_path):
    path, mark = tmp_path / "gan.keras", tmp_path / "mark"
    hostile = HOSTILE[kind](str(mark))
    name = "test_hostile_models>own"
    objective = {"function": name, "decode": {"function": name}, "decode_condition": None}
    objective |= {"name": "a", "batch_size": None}
    reward = {
        "reward": hostile,
        "term": named("seqgan_tf.rewards.sequence_rewards", "WeightedSum", {"rewards": [[hostile, 1.0]]}),
    }.get(place, named("seqgan_tf.rewards.objective", "Objective", objective | {place: hostile}))
    with_part(path, "reward_estimator", named("seqgan_tf.rewards.terminal", "TerminalReward", {"reward": reward}))
    with pytest.raises((TypeError, ValueError)):
        keras.saving.load_model(path)
    assert [found.name for found in tmp_path.iterdir()] == ["gan.keras"]


def test_a_part_by_its_own_name_is_loaded(tmp_path):
    path = tmp_path / "gan.keras"
    with_part(path, "reward_estimator", keras.saving.serialize_keras_object(sg.MonteCarloRollout(3)))
    assert keras.saving.load_model(path).reward_estimator.num_rollouts == 3
