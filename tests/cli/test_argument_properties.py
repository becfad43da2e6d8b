"""Any settings are the same when they are given as flags."""

import dataclasses
import typing

from any_settings import values_of
from hypothesis import given, settings

from seqgan_tf.cli.main import parse
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


def not_taken(kind):
    """The flags that are refused beside an `--estimator.kind`: those of others."""
    others = {name for names in checks.OF_ESTIMATORS.values() for name in names}
    return {f"--{name.replace('_', '-')}" for name in others.difference(checks.OF_ESTIMATORS[kind])}


@settings(max_examples=30)
@given(values_of(config.RunSettings))
def test_any_settings_are_the_same_when_they_are_given_as_flags(chosen):
    refused = not_taken(chosen.estimator.kind)
    command = parse(["train", *(flag for flag in flags(chosen) if flag.split("=")[0] not in refused)])
    parsed = config.RunSettings(**{name: getattr(command, name) for name in typing.get_type_hints(config.RunSettings)})
    different = config.difference(parsed, chosen)
    assert {f"--{name.replace('_', '-')}" for name in different} <= refused
