"""Strategies of Hypothesis for the settings of a run."""

import dataclasses
import types
import typing
from pathlib import Path

import hypothesis.strategies as st


def values_of(hint):
    """A strategy for the values of a setting, by its type hint."""
    if typing.get_origin(hint) is typing.Literal:
        return st.sampled_from(typing.get_args(hint))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return st.one_of(*(values_of(choice) for choice in typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        return st.lists(values_of(typing.get_args(hint)[0]), max_size=3).map(tuple)
    if dataclasses.is_dataclass(hint):
        return st.builds(hint, **{name: values_of(inner) for name, inner in typing.get_type_hints(hint).items()})
    names = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1)
    return {
        int: st.integers(-(2**63), 2**63 - 1),
        float: st.floats(allow_nan=False),
        bool: st.booleans(),
        types.NoneType: st.none(),
        str: names.filter(lambda name: name.lower() != "none"),
        Path: names.map(Path).filter(lambda path: str(path) != "none"),
    }[hint]
