"""What all benchmarks share."""

import pytest


@pytest.fixture
def timed(benchmark):
    """Times a function that returns a tensor, after two calls that compile it; `flop` is stored with the times."""

    import paper_setting as paper  # not above: `pytest` without a path reads this file without this folder on its path

    def time(name, flop, function, *arguments, rounds=15):
        benchmark.extra_info |= {"row": name, "flop": flop, "device": paper.device()}
        benchmark.pedantic(lambda: function(*arguments).numpy(), rounds=rounds, warmup_rounds=2)

    return time
