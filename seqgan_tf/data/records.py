"""Records of real data, from files of any supported kind: texts, and what each text is generated for.

The fields of a file decide the task. They have the names that other libraries use:

| fields | task |
| --- | --- |
| `text` | text |
| `prompt`, `completion` | pairs |
| `label`, `text` | labels |
| `messages` | dialogue |
| `file_name`, `text`, and perhaps `prompt` or `label` | captions |

A plain text file is a text per line; two of them side by side are pairs. The functions of Python files are texts of the
task "code", which has to be named. MIDI files are music, see `data.music`.
"""

import dataclasses
import functools
import hashlib
import itertools
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.caption_files import METADATA, caption, caption_fields, is_captions, is_coco, metadata_of, open_coco
from seqgan_tf.data.lines import Lines, LinesWriter, open_blocks, open_lines
from seqgan_tf.data.midi_files import is_midi
from seqgan_tf.data.source_code import FUNCTIONS, read_functions
from seqgan_tf.data.tables import Row, field_text, is_table, open_table, text_lines

TEXT, PAIRS, LABELS, DIALOGUE = "text", "pairs", "labels", "dialogue"
CAPTIONS, CODE, MUSIC = "captions", "code", "music"
TASKS = (TEXT, PAIRS, LABELS, DIALOGUE, CAPTIONS, CODE, MUSIC)
FIELDS = {
    CAPTIONS: ("file_name", "text"),
    DIALOGUE: ("messages",),
    PAIRS: ("prompt", "completion"),
    LABELS: ("label", "text"),
    TEXT: ("text",),
}
"""The fields of each task; of several tasks with all fields in a file, the first one is meant."""
DAMAGED_SHARES = {CODE: 0.1}
"""A larger share of damaged files ends the reading: a folder of source often holds files for another version."""
DAMAGED_SHARE = 0.01
"""The same for records of all other tasks."""
TURNS = 3
CELL = "# %%"
"""The line before each function where functions are printed. Editors of Python read it as the beginning of a cell."""
LEAST_FILES = 10
"""Of fewer files of code, the functions of one file may be in several parts."""


@dataclasses.dataclass(frozen=True)
class Records:
    """Texts, and what each of them is generated for.

    Attributes:
        task: one of `TASKS`.
        texts: the texts, completions or answers.
        conditions: of each text its prompt, its label, the turns before it, one turn per line, or the path of its image
            and in a further line what is beside it. None: there are none.
        groups: int array, of each text the number of its dialogue, or of its file of code. None: each text is on its
            own.
        digest: SHA-256 of the content of the file, or files.
        notes: what a user should know: how many records were skipped, and why the first of them.
        beside: of captions, the field that is a condition beside the image. None: the image alone.

    Example:
    ```python
    import pathlib

    from seqgan_tf.data.records import read_records

    pathlib.Path("pairs.tsv").write_text("prompt\\tcompletion\\nein hund\\ta dog\\n")
    records = read_records("pairs.tsv")
    print(records.task, records.conditions[0], records.texts[0])  # pairs ein hund a dog
    ```
    """

    task: str
    texts: Sequence[str]
    conditions: Sequence[str] | None
    groups: np.ndarray | None
    digest: str
    notes: tuple[str, ...] = ()
    beside: str | None = None


def task_of(path: str | os.PathLike, target: str | os.PathLike | None = None, task: str | None = None) -> str:
    """The task that files are for, from their names and fields.

    Args:
        path, target, task: see `read_records`.

    Raises:
        InputError: as for `read_records`.
    """
    if task is not None:
        if task not in TASKS:
            raise InputError(f"`task` must be one of {list(TASKS)}. Received: {task!r}")
        return task
    if target is not None:
        return PAIRS
    if is_captions(path):
        return CAPTIONS
    if is_midi(path):
        return MUSIC
    if os.path.isdir(path):
        raise InputError(
            f"{path}: expected a file, or a folder with {' or '.join(METADATA)} or .mid files. Received: neither"
        )
    return _task_of_fields(path, open_table(path)[0]) if is_table(path) else TEXT


def read_records(
    path: str | os.PathLike,
    target: str | os.PathLike | None = None,
    task: str | None = None,
    turns: int = TURNS,
    images: str | os.PathLike | None = None,
) -> Records:
    """Reads files of any supported kind. Every file is read once, as a stream.

    A record that cannot be read, or has an empty or missing field, is skipped and counted; if more than 1 of 100 are,
    it is an error. Of files of code it is more than 1 of 10.

    Args:
        path: a plain text file, or a .csv, .tsv, .jsonl or .parquet file with the fields above. For dialogues also a
            plain text or .tsv file without header, a dialogue per line, its turns separated by TAB. For captions also a
            folder of images, see `data.caption_files`. For code see `data.source_code.source_files`.
        target: a plain text file with the completions of the lines of `path`. Defaults to None.
        task: one of `TASKS` but "music". Defaults to None: the fields decide.
        turns: largest number of turns before an answer that are its prompt. Defaults to 3.
        images: of captions, the folder that the names of images are in. Defaults to None: that of `path`.

    Raises:
        InputError: a file cannot be read, has other fields, holds no record, or holds too many damaged ones; or the
            two files have different numbers of lines.
        MissingExtraError: the file is .parquet, and pyarrow is not installed.
    """
    task = task_of(path, target, task)
    if task == MUSIC:
        raise InputError(f"{path}: expected a file of text. Received: MIDI files, which `MusicCorpus` reads")
    if task != CODE:
        path = metadata_of(path)
    if task == TEXT and not is_table(path):
        lines = open_lines(path)
        return Records(TEXT, lines, None, None, lines.digest)
    digests = [hashlib.sha256() for _ in ([path] if target is None else [path, target])]
    rows, names = _rows(path, target, task, [digest.update for digest in digests])
    extract: Callable[[dict[str, Any]], Found] = functools.partial(_two, condition=names[0], completion=names[-1])
    if task == TEXT:
        extract = functools.partial(_one, name=names[0])
    elif task == DIALOGUE:
        extract = functools.partial(_answers, turns=turns)
    elif task == CODE:
        extract = _functions
    elif task == CAPTIONS:
        extract = functools.partial(caption, names=names, folder=Path(images or Path(path).parent))
    found = ((place, fields if isinstance(fields, str) else extract(fields)) for place, fields in rows)
    records = _collect([path, path if target is None else target], task, found, digests)
    return dataclasses.replace(records, beside=names[1]) if task == CAPTIONS and len(names) == 3 else records


def printed(texts: Sequence[str], task: str | None) -> list[str]:
    """Texts as they are printed one below the other: functions, which have several lines, each after a line `CELL`.

    Args:
        texts: the texts.
        task: what they are generated for.
    """
    return [f"{CELL}\n{text}" for text in texts] if task == CODE else list(texts)


def combined_digest(digests: Sequence[str]) -> str:
    """One SHA-256 for several; of one it is that one."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _task_of_fields(path: str | os.PathLike, found: Sequence[str]) -> str:
    for task, names in FIELDS.items():
        if set(names) <= set(found):
            return task
    expected = "; ".join(" and ".join(map(repr, names)) for names in FIELDS.values())
    raise InputError(
        f"{path}: expected the fields {expected}. Received: {', '.join(map(repr, found))[:200]}; a plain text file, "
        "one text per line, has another suffix, such as .txt"
    )


def _rows(
    path: str | os.PathLike, target: str | os.PathLike | None, task: str, observe: Sequence[Callable[[bytes], object]]
) -> tuple[Iterator[Row], tuple[str, ...]]:
    """The records of files, and the names of the fields that the task needs."""
    if target is not None:
        if task != PAIRS:
            raise InputError(f"{target}: expected no second file for the task {task!r}. Received: one")
        for side in (path, target):
            if is_table(side):
                raise InputError(f"{side}: expected two plain text files side by side. Received: a table")
        return _side_by_side(path, target, observe), FIELDS[PAIRS]
    if task == CODE:
        return read_functions(path, observe[0]), (FUNCTIONS,)
    if task == DIALOGUE and (not is_table(path) or _has_no_header(path)):
        return _turns_per_line(path, observe[0]), FIELDS[DIALOGUE]
    if task == CAPTIONS and is_coco(path):
        return (table := open_coco(path, observe[0]))[1], caption_fields(table[0])
    if not is_table(path):
        raise InputError(
            f"{path}: expected a .tsv, .csv, .jsonl or .parquet file for the task {task!r}. Received: text"
        )
    found, rows = open_table(path, observe[0])
    choices = [FIELDS[task], ("completion",)] if task == TEXT else [FIELDS[task]]
    for names in choices:
        if set(names) <= set(found):
            if os.fspath(path).lower().endswith(".parquet"):
                for block in open_blocks(path)[0]:
                    observe[0](block)
            return rows, caption_fields(found) if task == CAPTIONS else names
    raise InputError(
        f"{path}: expected the fields {' and '.join(map(repr, choices[0]))} for the task {task!r}. "
        f"Received: {', '.join(map(repr, found))[:200]}"
    )


def _has_no_header(path: str | os.PathLike) -> bool:
    return os.fspath(path).lower().endswith(".tsv") and FIELDS[DIALOGUE][0] not in open_table(path)[0]


def _side_by_side(
    path: str | os.PathLike, target: str | os.PathLike, observe: Sequence[Callable[[bytes], object]]
) -> Iterator[Row]:
    sides = map(text_lines, (path, target), observe)
    counts = [0, 0]
    for number, (prompt, completion) in enumerate(itertools.zip_longest(*sides), start=1):
        counts = [count + (line is not None) for count, line in zip(counts, (prompt, completion), strict=True)]
        if counts[0] == counts[1]:
            yield f"line {number}", {"prompt": prompt, "completion": completion}
    if counts[0] != counts[1]:
        raise InputError(
            f"{target}: expected {counts[0]} lines, as many as in {path}, its other side. Received: {counts[1]}"
        )


def _turns_per_line(path: str | os.PathLike, observe: Callable[[bytes], object]) -> Iterator[Row]:
    for number, line in enumerate(text_lines(path, observe), start=1):
        if line.strip():
            turns: list[Any] = [{"role": None, "content": turn} for turn in line.split("\t")]
            yield f"line {number}", {"messages": turns}


Found = list[tuple[str | None, str]] | str
"""(condition, text) of each text of a record, or why there is none."""


def _one(fields: dict[str, Any], name: str) -> Found:
    text, damage = field_text(fields.get(name), name)
    return damage or [(None, text)]


def _two(fields: dict[str, Any], condition: str, completion: str) -> Found:
    given = fields.get(condition)
    if condition == "label" and isinstance(given, (int, bool)):
        given = str(given)
    prompt, damage = field_text(given, condition)
    text, other = field_text(fields.get(completion), completion)
    return damage or other or [(prompt, text)]


def _functions(fields: dict[str, Any]) -> Found:
    return [(None, text) for text in fields[FUNCTIONS]]


def _answers(fields: dict[str, Any], turns: int) -> Found:
    """The answers of a dialogue: every turn of an assistant that has a turn before it; without roles, every turn."""
    messages = fields.get("messages")
    if not isinstance(messages, (list, tuple)) or not messages:
        return "the field 'messages' is empty" if messages in ([], None) else "the field 'messages' is no list"
    contents: list[str] = []
    is_answer: list[bool] = []
    for message in messages:
        if not isinstance(message, dict):
            return "a message is no object with 'role' and 'content'"
        content, damage = field_text(message.get("content"), "content")
        if damage:
            return damage
        contents.append(content)
        is_answer.append(message.get("role", "assistant") in (None, "assistant"))
    pairs = zip(answers_of(contents, turns), is_answer[1:], strict=True)
    return [pair for pair, is_wanted in pairs if is_wanted] or "no turn of an assistant with a turn before it"


def answers_of(contents: Sequence[str], turns: int) -> list[tuple[str, str]]:
    """(prompt, answer) for each turn of a dialogue but the first.

    Args:
        contents: the turns.
        turns: largest number of turns before an answer that are its prompt, one per line.
    """
    return [("\n".join(contents[max(0, i - turns) : i]), contents[i]) for i in range(1, len(contents))]


def _collect(
    sides: Sequence[str | os.PathLike], task: str, found: Iterable[tuple[str, Found]], digests: list[Any]
) -> Records:
    """Keeps what can be read, and counts what cannot. The sides are the files of the conditions and of the texts."""
    path = sides[0]
    conditions, texts = map(LinesWriter, sides)
    groups = array("i")
    total = damaged = 0
    first = ""
    for place, record in found:
        total += 1
        if isinstance(record, str):
            damaged += 1
            first = first or f"{place}: {record}"
            continue
        for condition, text in record:
            texts.add(text)
            if condition is not None:
                conditions.add(condition)
            groups.append(total)
    units, share = ("files", DAMAGED_SHARES[task]) if task in DAMAGED_SHARES else ("records", DAMAGED_SHARE)
    if damaged > share * total:
        raise InputError(
            f"{path}: expected at most 1 of {round(1 / share)} {units} to be damaged. Received: {damaged} of {total}, "
            f"the first in {first}"
        )
    if not groups:
        raise InputError(f"{path}: expected {'functions' if task == CODE else 'records'}. Received: none")
    notes = (f"{path}: {damaged} of {total} {units} are damaged and were skipped, the first in {first}",)
    read = combined_digest([digest.hexdigest() for digest in digests])
    given: Lines | None = conditions.lines(read) if task not in (TEXT, CODE) else None
    is_grouped = task == DIALOGUE or (task == CODE and total >= LEAST_FILES)
    number = np.array(groups) if is_grouped else None
    return Records(task, texts.lines(read), given, number, read, notes if damaged else ())
