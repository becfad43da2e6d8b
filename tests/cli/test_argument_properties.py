"""Any settings are the same when they are given as flags."""

import dataclasses
import typing

from any_settings import values_of
from hypothesis import given, settings

from seqgan_tf.cli.main import parse
from seqgan_tf.data import records
from seqgan_tf.runs import checks, config


def flags(chosen, prefix="--"):
    found = []
    for field in dataclasses.fields(chosen):
        value, name = getattr(chosen, field.name), prefix + field.name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            found += flags(value, f"{name}.")
        elif isinstance(value, bool):
            found.append(name if value else f"{name[: len(prefix)]}no-{name[len(prefix) :]}")
        elif isinstance(value, tuple):
            found += [name, *map(str, value)]
        else:
            found.append(f"{name}={'none' if value is None else value}")
    return found


def name_of(flag):
    return flag.split("=")[0].replace("--corpus.no-", "--corpus.")


def not_taken(kind, task):
    """The flags that are refused beside an `--estimator.kind` and a `--task`: those of others."""
    others = {name for names in checks.OF_ESTIMATORS.values() for name in names}
    names = others.difference(checks.OF_ESTIMATORS[kind]) | {
        n for n, kinds in checks.OF_TASKS.items() if task not in kinds
    }
    return {f"--{name.replace('_', '-')}" for name in names}


@settings(max_examples=30)
@given(values_of(config.RunSettings))
def test_any_settings_are_the_same_when_they_are_given_as_flags(chosen):
    of_data = "oracle" if chosen.data is None else records.task_of(chosen.data, chosen.target, None)
    refused = not_taken(chosen.estimator.kind, chosen.task or of_data)
    command = parse(["train", *(flag for flag in flags(chosen) if name_of(flag) not in refused)])
    parsed = config.RunSettings(**{name: getattr(command, name) for name in typing.get_type_hints(config.RunSettings)})
    different = config.difference(parsed, chosen)
    assert {f"--{name.replace('_', '-')}" for name in different} <= refused
