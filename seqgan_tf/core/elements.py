"""The elements of a dataset: token ids alone, or with conditions, as Keras has x or (x, y)."""

from typing import Any


def join_condition(condition: Any, token_ids: Any) -> Any:
    """(condition, token_ids), or token_ids alone where the condition is None."""
    return token_ids if condition is None else (condition, token_ids)


def split_condition(data: Any) -> tuple[Any, Any]:
    """(condition, token_ids) of an element; the condition is None where the element is token_ids alone."""
    return data if isinstance(data, tuple) else (None, data)
