"""Files that name images and texts: the layouts of ImageFolder and of COCO, and what is wrong with them."""

import json
import subprocess
import sys

import pytest
import tiny_images

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.records import read_records, task_of


@pytest.fixture
def folder(tmp_path):
    return tiny_images.write_captions(tmp_path / "pictures", count=3)


def found(records):
    return list(zip(records.conditions, records.texts, strict=True))


def test_a_folder_with_metadata_is_captions(folder):
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    expected = [(str(folder / line["file_name"]), line["text"]) for line in lines]
    for path in (folder, folder / "metadata.jsonl"):
        assert task_of(path) == "captions"
        records = read_records(path)
        assert (records.task, found(records), records.beside, records.notes) == ("captions", expected, None, ())
    assert task_of(folder, task="text") == "text"
    assert list(read_records(folder, task="text").texts) == [text for _, text in expected]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_metadata_of_another_kind(suffix, folder):
    expected = found(read_records(folder))
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    (folder / "metadata.jsonl").unlink()
    path = folder / f"metadata.{suffix}"
    if suffix == "csv":
        path.write_text("file_name,text\n" + "".join(f"{line['file_name']},{line['text']}\n" for line in lines))
    else:
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(lines), path)
    records = read_records(folder)
    assert found(records) == expected
    path.write_bytes(path.read_bytes() + b"\n")
    if suffix == "csv":
        assert read_records(folder).digest != records.digest


@pytest.mark.parametrize("beside", ["prompt", "label"])
def test_a_field_beside_the_image(beside, tmp_path):
    folder = tiny_images.write_captions(tmp_path / "pictures", count=3, beside=beside)
    records = read_records(folder)
    assert (records.task, records.beside) == ("captions", beside)
    image, asked = records.conditions[1].split("\n")
    assert image == str(folder / "001.png")
    assert asked in ({"which colour ?", "which side ?"} if beside == "prompt" else {"colour", "side"})
    assert task_of(folder, task="labels") == "labels"


def test_labels_are_texts(folder):
    path = folder / "more.jsonl"
    path.write_text('{"file_name": "000.png", "text": "a\\nb", "label": 7}\n')
    assert found(read_records(path)) == [(f"{folder / '000.png'}\n7", "a b")]


def test_captions_in_cocos_layout(tmp_path):
    captions = {"x.png": ["red", "a red\nimage"], "y.png": ["green"], "z.png": []}
    path = tiny_images.write_coco(tmp_path / "coco", captions)
    assert task_of(path) == "captions"
    folder = tmp_path / "coco"
    expected = [
        (str(folder / "x.png"), "red"),
        (str(folder / "x.png"), "a red image"),
        (str(folder / "y.png"), "green"),
    ]
    assert found(read_records(path)) == expected
    moved = tmp_path / "captions.json"
    path.rename(moved)
    assert found(read_records(moved, images=folder)) == expected


def test_a_missing_image_is_a_damaged_record(tmp_path):
    folder = tiny_images.write_captions(tmp_path / "pictures", count=100)
    (folder / "041.png").unlink()
    records = read_records(folder)
    assert len(records.texts) == 99
    expected = (
        f"1 of 100 records are damaged and were skipped, the first in line 42: there is no file '{folder}/041.png'"
    )
    assert records.notes == (f"{folder}/metadata.jsonl: {expected}",)
    (folder / "042.png").unlink()
    expected = "expected at most 1 of 100 records to be damaged. Received: 2 of 100, the first in line 42: there is no"
    with pytest.raises(InputError, match=expected):
        read_records(folder)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"file_name": "000.png"}', "no field 'text'"),
        ('{"text": "red"}', "no field 'file_name'"),
        ('{"file_name": "", "text": "red"}', "the field 'file_name' is empty"),
        ('{"file_name": 3, "text": "red"}', "the field 'file_name' is no text"),
        ('{"file_name": ".", "text": "red"}', "there is no file"),
    ],
)
def test_a_damaged_record(line, reason, folder):
    with (folder / "metadata.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=f"Received: 1 of 4, the first in line 4: {reason}"):
        read_records(folder)


def test_metadata_without_the_fields(folder):
    (folder / "metadata.jsonl").write_text('{"image": "000.png", "caption": "red"}\n')
    for task in (None, "captions"):
        with pytest.raises(InputError, match=r"metadata.jsonl: expected the fields .*'file_name' and 'text'"):
            read_records(folder, task=task)


def test_a_folder_without_metadata(tmp_path):
    names = "metadata.jsonl or metadata.csv or metadata.parquet"
    for call in (task_of, read_records):
        with pytest.raises(InputError) as error:
            call(tmp_path)
        assert (
            str(error.value)
            == f"{tmp_path}: expected a file, or a folder with {names} or .mid files. Received: neither"
        )
    with pytest.raises(InputError) as error:
        read_records(tmp_path, task="captions")
    assert str(error.value) == f"{tmp_path}: expected a file, or a folder of images with {names}. Received: neither"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "another layout, or no JSON"),
        ("[]", "another layout, or no JSON"),
        ('{"images": []}', "no 'annotations'"),
        ('{"images": [{"id": 3}], "annotations": []}', "no 'file_name'"),
        ('{"images": [{"id": 3, "file_name": "a"}], "annotations": [{}]}', "no 'image_id'"),
        ('{"images": [{"id": [], "file_name": "a"}], "annotations": []}', "another layout, or no JSON"),
        ('{"images": 3, "annotations": 4}', "another layout, or no JSON"),
    ],
)
def test_another_layout_than_cocos(content, reason, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(content)
    expected = (
        f"{path}: expected a .json file in COCO's layout: 'images' with 'id' and 'file_name', 'annotations' with "
        f"'image_id' and 'caption'. Received: {reason}"
    )
    with pytest.raises(InputError, match=f"^{expected}$"):
        read_records(path)


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"image_id": 8, "caption": "red"}, "no image with the id 8"),
        ({"image_id": [], "caption": "red"}, r"no image with the id \[\]"),
        ({"image_id": 0}, "no field 'text'"),
    ],
)
def test_a_damaged_annotation(annotation, reason, tmp_path):
    path = tiny_images.write_coco(tmp_path, {"x.png": ["red"]})
    content = json.loads(path.read_text())
    content["annotations"].append(annotation)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"Received: 1 of 2, the first in annotation 2: {reason}"):
        read_records(path)


def test_captions_are_read_without_tensorflow(folder):
    code = f"import sys; from seqgan_tf.data.records import read_records; read_records({str(folder)!r})"
    code += "; print(sorted(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'tensorflow'" not in result.stdout
