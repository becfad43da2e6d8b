"""The check that nearly every setting needs."""


def check_at_least(least, **values):
    """Refuses numbers that are too small.

    Args:
        least: int.
        **values: numbers by the name that the caller gave them; checked in order.

    Raises:
        ValueError: one is below `least`.
    """
    for name, value in values.items():
        if value < least:
            raise ValueError(f"`{name}` must be at least {least}. Received: {value}")
