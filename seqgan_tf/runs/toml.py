"""Settings as TOML: the config.toml of a run, and files of settings that a user writes."""

import dataclasses
import json
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar

from seqgan_tf import __version__
from seqgan_tf.core.files import read_text
from seqgan_tf.core.validation import InputError
from seqgan_tf.runs.config import RunSettings

CONFIG = "config.toml"
"""The file of settings in a run directory."""

HEADER = ("version", "data_sha256", "num_settings")
"""Keys of config.toml that are not settings."""

LAST_OF_0_1_0 = "adversarial.evaluate_every"

Settings = TypeVar("Settings")


def to_toml(settings: Any, **header: str | int) -> str:
    """Settings as TOML text. None is written as "none".

    Args:
        settings: a dataclass of scalars, tuples and further dataclasses.
        **header: further keys and their values, written before the settings.
    """
    lines = [f"{name} = {_to_value(value)}" for name, value in header.items()]
    tables = []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            tables += ["", f"[{field.name}]", to_toml(value).rstrip()]
        else:
            lines.append(f"{field.name} = {_to_value(value)}")
    return "\n".join(lines + tables) + "\n"


def run_toml(settings: RunSettings, data_sha256: str) -> str:
    """The config.toml of a run: settings, and what tells a file that was cut from a complete one."""
    count = len(_keys(tomllib.loads(to_toml(settings))))
    return to_toml(settings, version=__version__, data_sha256=data_sha256, num_settings=count)


def _keys(table: dict[str, Any], prefix: str = "") -> list[str]:
    """The dotted keys of all values in a table."""
    found: list[str] = []
    for key, value in table.items():
        found += _keys(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return found


def _to_value(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_to_value(item) for item in value)}]"
    if isinstance(value, float):
        return repr(value)  # TOML has inf and nan, which JSON lacks
    if value is None or isinstance(value, Path):
        value = "none" if value is None else str(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_toml(path: str | Path) -> dict[str, Any]:
    """Reads a TOML file into a dict.

    Raises:
        InputError: the file is missing or is not TOML.
    """
    text = read_text(path, "a TOML file")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InputError(f"{path}: expected TOML. Received: one that is nested too deeply") from error
    except ValueError as error:  # also for a number of thousands of digits
        raise InputError(f"{path}: expected TOML ({error})") from error


def read_run_settings(path: str | Path) -> RunSettings:
    """Reads the settings of a run from its config.toml. A setting that its version did not have gets its default.

    Raises:
        InputError: the file is missing, damaged or cut, has no sequence length, or has a key that is not a setting of
            this version.
    """
    table = read_toml(path)
    count = len(_keys(without_header(table)))
    # Version 0.1.0 did not write the number of settings; its files end with the key that is looked for here.
    is_whole = count == table["num_settings"] if "num_settings" in table else LAST_OF_0_1_0 in _keys(table)
    if not is_whole:
        raise InputError(f"{path}: expected {table.get('num_settings', 'all')} settings. Received: {count}; it was cut")
    try:
        settings = override(RunSettings(), without_header(table), path)
    except InputError as error:
        version = table.get("version")
        if version in (None, __version__):
            raise
        raise InputError(f"{error} (the run is of version {version}, this is {__version__})") from error
    if settings.corpus.sequence_length is None:
        raise InputError(f"{path}: expected corpus.sequence_length. Received: no such key")
    return settings


def without_header(table: dict[str, Any]) -> dict[str, Any]:
    """The table of a config.toml without the keys that are not settings."""
    return {key: value for key, value in table.items() if key not in HEADER}


def override(settings: Settings, table: dict[str, Any], path: str | Path | None, prefix: str = "") -> Settings:
    """Settings, changed by the values in a TOML table.

    Args:
        settings: a dataclass.
        table: values by key, as `read_toml` returns them.
        path: the file, named in messages.
        prefix: dotted name of the table, with a dot at its end, for messages. Defaults to "".

    Raises:
        InputError: a key that is not a setting, or a value of another type.
    """
    hints = typing.get_type_hints(type(settings))
    changes: dict[str, Any] = {}
    for key, value in table.items():
        if key not in hints:
            raise InputError(f"{path}: unknown key {prefix + key!r}. Expected one of {sorted(hints)}")
        current = getattr(settings, key)
        if dataclasses.is_dataclass(current):
            if not isinstance(value, dict):
                raise InputError(f"{path}: expected a table [{prefix + key}]. Received: {value!r}")
            changes[key] = override(current, value, path, f"{prefix}{key}.")
        else:
            changes[key] = _convert(value, hints[key], f"{path}: {prefix}{key}")
    return dataclasses.replace(settings, **changes)  # type: ignore[type-var]


def _convert(value: Any, hint: Any, where: str) -> Any:
    """A TOML value, converted to the type of a setting."""
    if value == "none" and types.NoneType in typing.get_args(hint):
        return None
    choices = [h for h in typing.get_args(hint) if h is not types.NoneType] if _is_union(hint) else [hint]
    for choice in choices:
        origin, arguments = typing.get_origin(choice), typing.get_args(choice)
        if origin is Literal and value in arguments:
            return value
        if origin is tuple and isinstance(value, list) and all(type(item) is arguments[0] for item in value):
            return tuple(value)
        if choice is Path and isinstance(value, str):
            return Path(value)
        if choice is float and type(value) in (int, float):
            return float(value)
        if choice in (int, str, bool) and type(value) is choice:
            return value
    expected = ", ".join(str(typing.get_args(c) or c.__name__) for c in choices)
    raise InputError(f"{where}: expected {expected}. Received: {value!r}")


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)
