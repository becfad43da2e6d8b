"""Rows on disk: what was added is there again, and what is damaged is not."""

import json
import subprocess
import sys

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data import row_store
from seqgan_tf.data.row_store import open_rows

SETTINGS = {"size": [2, 3]}
ROWS = np.arange(30, dtype=np.float32).reshape(5, 2, 3)


def read(folder, settings=SETTINGS):
    """{digest: row} of all digests that are there, and the number of damaged rows."""
    with open_rows(settings, folder) as store:
        kept = [digest for digest in list(store.entries) if store.has(digest)]
        rows = np.array(store.rows())
        return {digest: rows[store.entries[digest][0]] for digest in kept}, store.num_damaged


@pytest.fixture
def folder(tmp_path):
    with open_rows(SETTINGS, tmp_path / "cache") as store:
        store.add(["a", "b"], ROWS[:2])
    with open_rows(SETTINGS, tmp_path / "cache") as store:
        store.add(["c"], ROWS[2:3])
    return tmp_path / "cache"


def assert_rows(found, expected):
    assert found.keys() == expected.keys()
    for digest, row in expected.items():
        np.testing.assert_array_equal(found[digest], row)


def test_rows_are_there_for_the_next_run(folder):
    found, damaged = read(folder)
    assert_rows(found, {"a": ROWS[0], "b": ROWS[1], "c": ROWS[2]})
    assert damaged == 0
    assert read(folder, {"size": [3, 2]})[0] == {}  # other settings have rows of their own


def test_without_a_folder_rows_are_kept_as_long_as_they_are_used():
    with open_rows(SETTINGS) as store:
        assert not store.has("a")
        store.add(["a", "b"], ROWS[:2])
        store.add(["c"], ROWS[2:3])
        assert store.has("c")
        rows = store.rows()
    np.testing.assert_array_equal(rows, ROWS[:3])
    with open_rows(SETTINGS) as store:
        assert store.rows().shape[0] == 0


def test_many_rows_are_a_memory_mapped_file(monkeypatch, tmp_path):
    monkeypatch.setattr(row_store, "IN_MEMORY", 100)
    for folder in (None, tmp_path):
        with open_rows(SETTINGS, folder) as store:
            store.add(list("abcde"), ROWS)
            rows = store.rows()
        assert isinstance(rows, np.memmap)
        np.testing.assert_array_equal(rows, ROWS)


def change(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_a_damaged_row_is_computed_anew(folder):
    (path,) = folder.glob("*.rows")
    change(path, 24)  # the first byte of the second row
    found, damaged = read(folder)
    assert_rows(found, {"a": ROWS[0], "c": ROWS[2]})
    assert damaged == 1
    with open_rows(SETTINGS, folder) as store:
        assert not store.has("b")
        store.add(["b"], ROWS[1:2])
    found, damaged = read(folder)
    assert_rows(found, {"a": ROWS[0], "b": ROWS[1], "c": ROWS[2]})
    assert damaged == 0


def test_a_file_that_was_cut_lacks_its_last_rows(folder):
    (path,) = folder.glob("*.rows")
    path.write_bytes(path.read_bytes()[:50])
    with open_rows(SETTINGS, folder) as store:
        assert [store.has(digest) for digest in "abc"] == [True, True, False]
        store.add(["c"], ROWS[2:3])
    assert_rows(read(folder)[0], {"a": ROWS[0], "b": ROWS[1], "c": ROWS[2]})


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"entries": {"a": 3}}', "\0", '{"entries": {}, "shape": 3}'])
def test_a_damaged_index_is_made_anew(content, folder):
    (path,) = folder.glob("*.json")
    path.write_text(content)
    with open_rows(SETTINGS, folder) as store:
        assert (store.entries, store.num_damaged) == ({}, 1)
        store.add(["c"], ROWS[2:3])
    assert_rows(read(folder)[0], {"c": ROWS[2]})


def test_rows_of_an_interrupted_run_do_not_count(folder):
    def interrupted():
        with open_rows(SETTINGS, folder) as store:
            store.add(["d"], ROWS[3:4])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with open_rows(SETTINGS, folder) as store:
        assert not store.has("d")
        store.add(["e"], ROWS[4:5])
    assert_rows(read(folder)[0], {"a": ROWS[0], "b": ROWS[1], "c": ROWS[2], "e": ROWS[4]})


def test_another_process_waits(folder):
    code = f"""
import numpy as np
from seqgan_tf.data.row_store import open_rows
with open_rows({SETTINGS!r}, {str(folder)!r}) as store:
    print(store.has("d"))
"""
    with open_rows(SETTINGS, folder) as store:
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        store.add(["d"], ROWS[3:4])
    assert other.communicate(timeout=60)[0] == "True\n"


def test_the_index_says_what_the_rows_were_computed_with(folder):
    (path,) = folder.glob("*.json")
    assert json.loads(path.read_text())["settings"] == SETTINGS


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match=r"file: expected a directory. Received: a file"),
        open_rows({}, tmp_path / "file"),
    ):
        pass
