"""Records of files: which fields decide which task, what is skipped, and what is an error."""

import hashlib
import json
import sys

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError, MissingExtraError
from seqgan_tf.data.records import combined_digest, read_records, task_of

LETTERS = "abcdefgh"


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def jsonl(path, *objects):
    return write(path, "".join(json.dumps(each) + "\n" for each in objects))


def found(records):
    given = [None] * len(records.texts) if records.conditions is None else list(records.conditions)
    return list(zip(given, records.texts, strict=True))


# Which task


def test_a_text_file_is_a_text_per_line(tmp_path):
    records = read_records(write(tmp_path / "a.txt", "red\n\nblue\n"))
    assert (records.task, found(records), records.groups) == ("text", [(None, "red"), (None, "blue")], None)


@pytest.mark.parametrize(
    ("name", "content", "task", "expected"),
    [
        ("a.csv", 'id,text\n1,"red, cat"\n2,blue\n', "text", [(None, "red, cat"), (None, "blue")]),
        ("a.tsv", 'text\n"red\nblue"\n', "text", [(None, '"red'), (None, 'blue"')]),  # in .tsv quotes are text
        ("a.CSV", "prompt,completion\na,b\n", "pairs", [("a", "b")]),
        ("a.tsv", "completion\tnote\tprompt\nb\tx\ta\n", "pairs", [("a", "b")]),
        ("a.csv", "label,text\n1,good\n0,bad\n", "labels", [("1", "good"), ("0", "bad")]),
        ("a.csv", 'text\n"two\nlines"\n', "text", [(None, "two lines")]),
        ("a.csv", "\ufefftext\nred\n", "text", [(None, "red")]),
        ("a.csv", "text\r\nred\r\n\r\nblue\r\n", "text", [(None, "red"), (None, "blue")]),
    ],
)
def test_the_header_decides_the_task(name, content, task, expected, tmp_path):
    path = write(tmp_path / name, content)
    assert task_of(path) == task
    records = read_records(path)
    assert (records.task, found(records), records.notes) == (task, expected, ())
    assert records.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_fields_of_the_first_object_decide_the_task(tmp_path):
    path = jsonl(tmp_path / "a.jsonl", {"label": 3, "text": "red"}, {"text": "blue", "label": True, "more": 1})
    assert found(read_records(path)) == [("3", "red"), ("True", "blue")]
    assert found(read_records(path, task="text")) == [(None, "red"), (None, "blue")]


def test_a_task_can_be_given(tmp_path):
    path = write(tmp_path / "a.csv", "prompt,completion\na,b\n")
    records = read_records(path, task="text")
    assert (records.task, found(records)) == ("text", [(None, "b")])
    with pytest.raises(InputError, match=r"`task` must be one of \['text', .*\]. Received: 'poem'"):
        task_of(path, task="poem")


# Dialogues


def test_every_answer_of_an_assistant_is_a_record_and_the_turns_before_it_its_condition(tmp_path):
    roles = ["system", "user", "assistant", "user", "assistant", "assistant"]
    turns = [{"role": role, "content": letter} for role, letter in zip(roles, LETTERS, strict=False)]
    greeting = [{"role": "assistant", "content": "x"}, {"role": "user", "content": "y"}]
    answered = [*greeting, {"role": "assistant", "content": "z\nz"}]
    path = jsonl(tmp_path / "a.jsonl", {"messages": turns}, {"messages": answered})
    records = read_records(path, turns=2)
    assert records.task == "dialogue"
    assert found(records) == [("a\nb", "c"), ("c\nd", "e"), ("d\ne", "f"), ("x\ny", "z z")]
    assert records.groups.tolist() == [1, 1, 1, 2]


@pytest.mark.parametrize("name", ["a.txt", "a.tsv"])
def test_turns_of_a_line_are_separated_by_tabs(name, tmp_path):
    records = read_records(write(tmp_path / name, "a\tb\tc\n\nd\te\n"), task="dialogue", turns=1)
    assert found(records) == [("a", "b"), ("b", "c"), ("d", "e")]
    assert records.groups.tolist() == [1, 1, 3][:2] + [2]


# Two files side by side


def test_lines_side_by_side_are_pairs(tmp_path):
    source = write(tmp_path / "a.de", "".join(f"quelle {i}\r\n" for i in range(150)))
    target = write(tmp_path / "a.en", "".join("\n" if i == 70 else f" target {i}\n" for i in range(150)))
    records = read_records(source, target)
    assert found(records) == [(f"quelle {i}", f"target {i}") for i in range(150) if i != 70]
    skipped = "1 of 150 records are damaged and were skipped, the first in line 71: the field 'completion' is empty"
    assert records.notes == (f"{source}: {skipped}",)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (source, target)]
    assert records.digest == combined_digest(digests)
    assert records.digest != combined_digest(digests[::-1])
    assert combined_digest(digests[:1]) == digests[0]


@pytest.mark.parametrize(("sources", "targets"), [(3, 2), (2, 3), (2, 0)])
def test_sides_of_different_length_are_refused(sources, targets, tmp_path):
    source, target = write(tmp_path / "a", "x\n" * sources), write(tmp_path / "b", "y\n" * targets)
    expected = f"{target}: expected {sources} lines, as many as in {source}, its other side. Received: {targets}"
    with pytest.raises(InputError, match=f"^{expected}$"):
        read_records(source, target)


def test_a_table_is_no_side(tmp_path):
    source, target = write(tmp_path / "a.tsv", "text\nx\n"), write(tmp_path / "b", "y\n")
    with pytest.raises(InputError, match=r"a.tsv: expected two plain text files side by side. Received: a table"):
        read_records(source, target)
    with pytest.raises(InputError, match=r"b: expected no second file for the task 'labels'. Received: one"):
        read_records(target, target, task="labels")


# Damage

GOOD = {"prompt": "a", "completion": "b"}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"prompt": "a"', "no JSON"),
        ("[1]", "no JSON object"),
        ('"text"', "no JSON object"),
        ("[" * 100_000, "no JSON"),
        ('{"prompt": "a"}', "no field 'completion'"),
        ('{"prompt": null, "completion": "b"}', "no field 'prompt'"),
        ('{"prompt": "  ", "completion": "b"}', "the field 'prompt' is empty"),
        ('{"prompt": ["a"], "completion": "b"}', "the field 'prompt' is no text"),
        ('{"prompt": "\\ud800", "completion": "b"}', "the field 'prompt' is not UTF-8 text"),
    ],
)
def test_a_damaged_record_among_many_is_skipped_and_counted(bad, reason, tmp_path):
    path = tmp_path / "a.jsonl"
    write(path, "".join(json.dumps(GOOD) + "\n" for _ in range(99)) + bad + "\n")
    records = read_records(path)
    assert len(records.texts) == 99
    (note,) = records.notes
    assert note.startswith(f"{path}: 1 of 100 records are damaged and were skipped, the first in line 100: {reason}")
    write(path, "".join(json.dumps(GOOD) + "\n" for _ in range(98)) + bad + "\n")
    expected = f"{path}: expected at most 1 of 100 records to be damaged. Received: 1 of 99, the first in line 99: "
    with pytest.raises(InputError) as caught:
        read_records(path)
    assert str(caught.value).startswith(expected + reason)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf_8_are_a_damaged_record(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(b"prompt\tcompletion\n" + b"a\tb\n" * 99 + b"a\xff\tb\n")
    (note,) = read_records(path).notes
    assert note.endswith("line 101: the field 'prompt' is not UTF-8 text")


def test_a_row_with_another_number_of_fields_is_damaged(tmp_path):
    path = write(tmp_path / "a.tsv", "prompt\tcompletion\n" + "a\tb\n" * 100 + "a\n")
    (note,) = read_records(path).notes
    assert note.endswith("line 102: 1 fields, and the header has 2")


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "the field 'messages' is empty"),
        ("hello", "the field 'messages' is no list"),
        (["hello"], "a message is no object with 'role' and 'content'"),
        ([{"role": "user"}], "no field 'content'"),
        ([{"role": "user", "content": "a"}], "no turn of an assistant with a turn before it"),
    ],
)
def test_a_damaged_dialogue(messages, reason, tmp_path):
    with pytest.raises(InputError, match=f"Received: 1 of 1, the first in line 1: {reason}"):
        read_records(jsonl(tmp_path / "a.jsonl", {"messages": messages}))


# Errors of whole files


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "expected a header with the names of the fields. Received: an empty line or file"),
        ("a.jsonl", "", "expected a JSON object per line. Received: none"),
        ("a.csv", "text\n", "expected records. Received: none"),
        ("a.csv", "a\0\n", "expected UTF-8 text. Received: a binary file (it holds NUL)"),
        (
            "a.tsv",
            "hello\tworld\n",
            "expected the fields 'file_name' and 'text'; 'messages'; 'prompt' and 'completion'; 'label' and 'text'; "
            "'text'. Received: 'hello', 'world'; a plain text file, one text per line, has another suffix, such "
            "as .txt",
        ),
    ],
)
def test_a_file_without_records(name, content, message, tmp_path):
    path = write(tmp_path / name, content)
    with pytest.raises(InputError) as caught:
        read_records(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_task_whose_fields_are_missing(tmp_path):
    path = write(tmp_path / "a.csv", "text\nred\n")
    with pytest.raises(InputError, match=r"expected the fields 'label' and 'text' for the task 'labels'. Received: 't"):
        read_records(path, task="labels")
    with pytest.raises(InputError, match=r"expected a .tsv, .* file for the task 'pairs'. Received: text"):
        read_records(write(tmp_path / "a.txt", "red\n"), task="pairs")


@pytest.mark.parametrize("name", ["no.csv", "no.jsonl", "no.txt"])
def test_a_file_that_is_missing(name, tmp_path):
    with pytest.raises(InputError, match=f"{name}: expected a text file that can be read .No such file"):
        read_records(tmp_path / name)


# Parquet


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"prompt": ["a", None, *["c"] * 198], "n": [1] * 200, "completion": ["b"] * 200})
    path = tmp_path / "a.parquet"
    parquet.write_table(table, path)
    records = read_records(path)
    assert records.task == "pairs"
    assert found(records) == [("a", "b"), *[("c", "b")] * 198]
    assert records.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert records.notes[0].endswith("the first in row 2: no field 'prompt'")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match=r"a.parquet: expected a .parquet file that can be read"):
        read_records(path)


def test_parquet_without_its_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(MissingExtraError, match=r"A .parquet file needs pyarrow: pip install 'seqgan-tf\[parquet\]'"):
        read_records(path)


# Large files and pipes


def test_a_large_table_is_not_held_in_memory(tmp_path, monkeypatch):
    from seqgan_tf.data import lines

    monkeypatch.setattr(lines, "IN_MEMORY", 1000)
    rows = [(f"prompt {i}", f"completion ö {i}") for i in range(400)]
    path = write(tmp_path / "a.tsv", "prompt\tcompletion\n" + "".join(f"{a}\t{b}\n" for a, b in rows))
    records = read_records(path)
    assert not isinstance(records.texts._content, bytes)
    assert found(records) == rows
    assert list(records.texts[np.int64(3) : 5]) == ["completion ö 3", "completion ö 4"]
