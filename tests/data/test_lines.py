"""The lines of a file or a pipe, in memory and read again."""

import hashlib
import io
import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgan_tf.core.validation import InputError
from seqgan_tf.data import lines as module
from seqgan_tf.data.lines import open_lines, read_lines

SIGNS = "ab \t\n\r\x0b\x0c\x1c\x1f\x85\u2028\u3000\xa0é春\ufeff"


def expected_lines(content):
    """Python's own reading of a text file with universal line ends."""
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline=None)
    return [line.strip() for line in text if line.strip()]


@pytest.fixture(params=["memory", "file"])
def place(request, monkeypatch):
    """Whether lines are held in memory or read again; blocks are short, so that lines span several."""
    monkeypatch.setattr(module, "BLOCK", 7)
    monkeypatch.setattr(module, "IN_MEMORY", 10**6 if request.param == "memory" else 5)
    return request.param


@given(text=st.text(st.sampled_from(SIGNS), max_size=60))
def test_lines_are_those_of_a_text_file_in_python(place, text, tmp_path):
    content = f"first\n{text}".encode()
    path = tmp_path / "lines.txt"
    path.write_bytes(content)
    found = open_lines(path)
    assert list(found) == expected_lines(content)
    assert len(found) == len(list(found))
    assert found.digest == hashlib.sha256(content).hexdigest()


def test_a_byte_order_mark_does_not_count(place, tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes("\ufeffone\r\ntwo\rthree\n\nfour".encode())
    found = open_lines(path)
    assert list(found) == ["one", "two", "three", "four"]
    assert (found[-1], found[1:3]) == ("four", ["two", "three"])


@pytest.mark.parametrize(
    ("content", "byte"), [(b"abcdefgh\nij\xe9\n", "byte 0xe9 at 11"), (b"a\n\xc3", "byte 0xc3 at 2")]
)
def test_a_byte_that_is_not_utf_8_is_named_with_its_position(place, content, byte, tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path}: expected UTF-8 text. Received: {byte}$"):
        open_lines(path)


def test_a_file_that_changes_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "IN_MEMORY", 5)
    path = tmp_path / "lines.txt"
    path.write_text("é é é\né é\n")
    found = open_lines(path)
    with path.open("r+b") as file:
        file.write(b"\xff\xff")
    with pytest.raises(InputError, match=f"{path}: expected a file that stays as it is"):
        found[0]


# Pipes and devices


def test_a_pipe_is_read_once(place, tmp_path):
    content = "\ufeffred\n\u3000\nblue é\r\n".encode() * 50
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[content])
    writer.start()
    found = open_lines(pipe)
    writer.join()
    assert list(found) == [line for line in expected_lines(content) for _ in [0]]
    assert found.digest == hashlib.sha256(content).hexdigest()


def test_a_pipe_of_the_shell_is_a_corpus():
    code = "import sys; from seqgan_tf.data.lines import read_lines; print(read_lines(sys.argv[1]))"
    command = f"{sys.executable} -c '{code}' <(sleep 0.3; echo red; sleep 0.3; echo blue)"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['red', 'blue']"


def test_a_pipe_without_a_writer_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "PIPE_TIMEOUT", 0.2)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(
        InputError, match=f"{tmp_path}/pipe: expected a text file. Received: a pipe that nothing writes"
    ):
        open_lines(tmp_path / "pipe")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(device):
    with pytest.raises(InputError, match=f"^{device}: expected a text file or a pipe. Received: a device$"):
        read_lines(device)
