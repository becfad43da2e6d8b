"""Files are complete or not there, and every error names the file."""

import os
import re
import stat

import pytest

from seqgan_tf.core import files
from seqgan_tf.core.validation import InputError

ODD_NAMES = [
    "a b [1].txt",
    "été 春.txt",
    "*?{}.txt",
    "-x",
    ".hidden",
    "no suffix",
    "two.dots.tar.gz",
    "back\\slash.txt",
]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def refused(path, message):
    return pytest.raises(InputError, match=f"^{re.escape(str(path))}: {message}")


# Reading


def test_text_is_read_without_its_byte_order_mark(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfcaf\xc3\xa9\r\n")
    assert files.read_text(tmp_path / "a.txt", "a text file") == "café\r\n"
    assert files.read_bytes(str(tmp_path / "a.txt"), "a text file") == b"\xef\xbb\xbfcaf\xc3\xa9\r\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9\n", "expected UTF-8 text. Received: byte 0xe9 at 3$"),
        (b"a\0b", r"expected UTF-8 text. Received: a binary file \(it holds NUL\)$"),
    ],
)
def test_a_file_that_is_not_utf8_text_is_refused(content, message, tmp_path):
    (tmp_path / "a.txt").write_bytes(content)
    with refused(tmp_path / "a.txt", message):
        files.read_text(tmp_path / "a.txt", "a text file")


@pytest.mark.parametrize("read", [files.read_bytes, files.read_text])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none", "No such file or directory"),
        ("", "Is a directory"),
        ("file/below", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("a\0b", "embedded null byte"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(read, name, reason, tmp_path):
    (tmp_path / "file").write_text("text")
    with refused(tmp_path / name, rf"expected a TOML file that can be read \({reason}"):
        read(tmp_path / name, "a TOML file")


# Writing a file


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_file_of_any_name_is_written_and_replaced(name, tmp_path):
    for text in ("first é\n", "second"):
        files.write_text(tmp_path / name, text)
        assert (tmp_path / name).read_bytes() == text.encode()
        assert files.read_text(tmp_path / name, "a text file") == text
        assert names(tmp_path) == [name]


def test_the_writer_gets_a_path_with_the_same_suffix_in_the_same_directory(tmp_path):
    def write(path):
        assert (path.suffix, path.parent) == (".npz", tmp_path)
        assert path != tmp_path / "a.npz"
        path.write_bytes(b"new")

    files.write_file(str(tmp_path / "a.npz"), write)
    assert (tmp_path / "a.npz").read_bytes() == b"new"


@pytest.mark.parametrize("there_before", [True, False])
@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_writer_that_fails_leaves_the_old_file_and_no_partial_file(error, there_before, tmp_path):
    path = tmp_path / "a.txt"
    if there_before:
        path.write_text("old")

    def write(temporary):
        temporary.write_text("half")
        raise error

    expected = InputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as raised:
        files.write_file(path, write)
    if expected is InputError:
        assert str(raised.value) == f"{path}: expected a place to write to (No space left on device)"
    assert names(tmp_path) == ["a.txt"] * there_before
    assert not there_before or path.read_text() == "old"


def test_a_writer_that_cannot_read_another_file_does_not_blame_the_place(tmp_path):
    missing = tmp_path / "fonts" / "a.ttf"
    (tmp_path / "runs").mkdir()
    with pytest.raises(FileNotFoundError, match="fonts"):
        files.write_file(tmp_path / "runs" / "a.png", lambda temporary: missing.read_bytes())
    with pytest.raises(FileNotFoundError, match="fonts"), files.whole_directory(tmp_path / "runs" / "new"):
        missing.read_bytes()
    assert names(tmp_path / "runs") == []


def test_a_rename_that_fails_leaves_the_old_file_and_no_partial_file(tmp_path, monkeypatch):
    def fail(*paths):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(os, "replace", fail)
    with refused(tmp_path / "a.txt", r"expected a place to write to \(Permission denied\)$"):
        files.write_text(tmp_path / "a.txt", "new")
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none/a.txt", "No such file or directory"),
        ("directory", "Is a directory"),
        ("file/a.txt", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused_with_the_reason(name, reason, tmp_path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("mine")
    for write in (files.check_writable, lambda path: files.write_text(path, "text")):
        with refused(tmp_path / name, rf"expected a place to write to \({reason}"):
            write(tmp_path / name)
    assert names(tmp_path) == ["directory", "file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_a_place_that_can_be_written_to_is_left_as_it_was(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    for name in ("a.txt", "b.txt"):
        files.check_writable(tmp_path / name)
    files.check_replaceable(tmp_path / "none" / "directory")
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_directory_below_a_place_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # root may write anywhere
    with refused(tmp_path / "none" / "a", r"expected a place to write to \(Permission denied\)$"):
        files.check_replaceable(tmp_path / "none" / "a")


@pytest.mark.parametrize("path", [".", "..", "/"])
def test_a_path_without_a_file_name_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with refused(path, "expected a place to write to"):
        files.write_text(path, "text")
    assert names(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory_is_refused(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    writes = lambda path: files.write_text(path, "text"), files.make_directory, files.check_writable
    for write in (*writes, files.check_replaceable):
        with refused(tmp_path / "a", r"expected a place to write to \(Permission denied\)$"):
            write(tmp_path / "a")
    tmp_path.chmod(stat.S_IRWXU)


def test_text_that_is_not_unicode_is_refused(tmp_path):
    with refused(tmp_path / "a.txt", r"expected text in Unicode. Received: '\\udce9' at 3$"):
        files.write_text(tmp_path / "a.txt", "caf\udce9")
    assert names(tmp_path) == []


# Directories


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_directory_and_its_parents_are_made_once(name, tmp_path):
    for _ in range(2):
        assert files.make_directory(str(tmp_path / name / "below")) == tmp_path / name / "below"
    assert (tmp_path / name / "below").is_dir()


def test_a_file_in_place_of_a_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with refused(tmp_path / "file", "expected a directory. Received: a file$"):
        files.make_directory(tmp_path / "file")
    with refused(tmp_path / "file" / "below", r"expected a place to write to \(Not a directory\)$"):
        files.make_directory(tmp_path / "file" / "below")
    with (
        refused(tmp_path / "file", "expected a directory. Received: a file$"),
        files.whole_directory(tmp_path / "file"),
    ):
        pytest.fail("the block must not run")
    assert (tmp_path / "file").read_text() == "mine"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_whole_directory_replaces_the_old_one_when_the_block_ends(name, tmp_path):
    path = tmp_path / "parent" / name
    for text in ("first", "second"):
        with files.whole_directory(path) as new:
            assert list(new.iterdir()) == []
            (new / f"{text}.txt").write_text(text)
            (new / "below").mkdir()
            assert path.exists() == (text == "second")
        assert names(path) == ["below", f"{text}.txt"]
        assert names(path.parent) == [name]


@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_error_in_the_block_leaves_the_old_directory(error, tmp_path):
    path = tmp_path / "report"
    path.mkdir()
    (path / "old.txt").write_text("old")

    def write():
        with files.whole_directory(path) as new:
            (new / "half.txt").write_text("half")
            raise error

    with pytest.raises(InputError if isinstance(error, OSError) else type(error)):
        write()
    assert names(tmp_path) == ["report"]
    assert names(path) == ["old.txt"]


def test_a_new_directory_that_cannot_take_its_place_leaves_the_old_one(tmp_path):
    path = tmp_path / "report"
    path.mkdir()
    (path / "old.txt").write_text("old")
    with refused(path, "expected a place to write to"), files.whole_directory(path) as new:
        new.rmdir()  # as if another process had removed it
    assert names(tmp_path) == ["report"]
    assert names(path) == ["old.txt"]


def test_a_device_or_a_pipe_is_not_read(tmp_path):
    """Reading it might never end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(InputError, match=rf"^{path}: expected a TOML file. Received: a device or a pipe$"):
            files.read_text(path, "a TOML file")


@pytest.mark.parametrize("name", ["r[1]", "r]", "a\\b"])
def test_a_path_that_tensorflow_reads_as_a_pattern_is_refused(name, tmp_path):
    files.check_no_pattern(tmp_path / "a b {x} * ?")
    with pytest.raises(InputError, match=r"expected a path without \[, \] and \\, which TensorFlow reads as a pattern"):
        files.check_no_pattern(tmp_path / name / "run")
