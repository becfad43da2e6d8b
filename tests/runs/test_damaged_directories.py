"""Run directories of which one file is damaged. `tests/reliability/directories.py` goes through all of them."""

import pickle
import random

import damage
import pytest
import tiny_runs


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("run", [tiny_runs.oracle_run, tiny_runs.text_run])
def test_a_damaged_directory_works_or_is_refused_in_one_line(run, part, base, tmp_path, recwarn):
    directory, draw = run(base).directory, random.Random(part)
    paths = damage.files(directory)
    told = {}
    for i, how in enumerate(damage.DAMAGES):
        path, use = draw.choice(paths), damage.USES[(part + i) % len(damage.USES)]
        (folder := tmp_path / str(i)).mkdir()
        told[path.name, how, use] = damage.outcome(directory, path, how, use, folder, draw)
    assert set(told.values()) <= {"works", "refused"}, told


def test_the_pickle_would_run(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"")
    damage.damage(path, "pickle", random.Random(0), [])
    pickle.loads(path.read_bytes())
    assert list(tmp_path.rglob(f"*{damage.MARK}"))


@pytest.mark.parametrize(
    ("name", "how"),
    [("config.toml", "deep toml"), ("metrics.csv", "deep json"), ("oracle.npz", "pickle"), ("oracle.npz", "flipped")],
)
def test_files_that_a_parser_fails_on_are_refused(name, how, base, tmp_path):
    directory = tiny_runs.oracle_run(base).directory
    for use in damage.USES:
        (folder := tmp_path / use).mkdir()
        assert damage.outcome(directory, directory / name, how, use, folder, random.Random(1)) == "refused"
