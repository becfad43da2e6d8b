"""Which MIDI files are found in folders and zip files; zip files that may do harm are refused."""

import struct
import zipfile

import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data import midi_files
from seqgan_tf.data.midi_files import is_midi, read_midi_file, read_midi_files


def write(folder, **contents):
    for name, content in contents.items():
        path = folder / name.replace("__", "/").replace("_mid", ".mid")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def zipped(path, contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def test_a_folder_is_searched_with_all_folders_in_it(tmp_path):
    write(tmp_path, b_mid=b"2", sub__deep__a_mid=b"3", notes=b"", _mid=b"hidden")
    (tmp_path / "A.MIDI").write_bytes(b"1")
    assert list(read_midi_files(tmp_path)) == [("A.MIDI", b"1"), ("b.mid", b"2"), ("sub/deep/a.mid", b"3")]


def test_a_zip_file_gives_what_its_folder_gives(tmp_path):
    contents = {"b.mid": b"2", "sub/a.mid": b"1", "__MACOSX/._b.mid": b"x", ".c.mid": b"x", "readme.txt": b"x"}
    path = zipped(tmp_path / "all.zip", contents)
    assert list(read_midi_files(path)) == [("b.mid", b"2"), ("sub/a.mid", b"1")]


def test_files_can_be_listed_and_one_that_cannot_be_read_is_passed_over(tmp_path):
    write(tmp_path, a_mid=b"1")
    paths = [tmp_path / "a.mid", tmp_path / "no.mid"]
    assert list(read_midi_files(paths)) == [(str(paths[0]), b"1"), (str(paths[1]), "cannot be read")]
    assert list(read_midi_files(paths[0])) == [("a.mid", b"1")]
    with pytest.raises(InputError, match=r"^expected at least one MIDI file. Received: an empty list$"):
        list(read_midi_files([]))


@pytest.mark.parametrize(
    ("name", "is_found"), [("x.mid", True), ("x.MIDI", True), ("x.zip", True), ("x.txt", False), ("none", False)]
)
def test_a_name_tells_whether_a_file_is_music(name, is_found, tmp_path):
    assert is_midi(tmp_path / name) == is_found


def test_a_folder_is_music_if_there_is_a_midi_file_in_it(tmp_path):
    assert not is_midi(tmp_path)
    write(tmp_path, sub__a_mid=b"")
    assert is_midi(tmp_path)


def test_a_folder_and_a_zip_file_without_midi_files(tmp_path):
    with pytest.raises(InputError) as error:
        list(read_midi_files(tmp_path))
    assert str(error.value) == f"{tmp_path}: expected a folder with .mid or .midi files. Received: a folder without"
    path = zipped(tmp_path / "all.zip", {"readme.txt": b"x"})
    with pytest.raises(InputError) as error:
        list(read_midi_files(path))
    assert str(error.value) == f"{path}: expected a zip file with .mid or .midi files. Received: one without"


def test_a_place_that_is_missing(tmp_path):
    with pytest.raises(InputError) as error:
        list(read_midi_files(tmp_path / "no"))
    expected = "expected a folder, a zip file or a MIDI file that can be read (No such file or directory)"
    assert str(error.value) == f"{tmp_path / 'no'}: {expected}"
    with pytest.raises(InputError, match=r"no.zip: expected a zip file that can be read \(No such file or directory\)"):
        list(read_midi_files(tmp_path / "no.zip"))
    with pytest.raises(InputError, match=r"no.mid: expected a MIDI file that can be read \(No such file"):
        read_midi_file(tmp_path / "no.mid")


@pytest.mark.parametrize("name", ["../a.mid", "/etc/a.mid", "C:\\a.mid", "x\\..\\..\\a.mid", "sub/../../a.mid"])
def test_a_zip_file_with_a_name_that_leads_out_of_it(name, tmp_path):
    path = zipped(tmp_path / "all.zip", {"b.mid": b"1", name: b"2"})
    with pytest.raises(InputError) as error:
        list(read_midi_files(path))
    expected = f"expected names inside the zip file. Received: {name!r}, which leads out of it"
    assert str(error.value) == f"{path}: {expected}"


def test_a_colon_in_a_name_leads_nowhere(tmp_path):
    path = zipped(tmp_path / "all.zip", {"Suite 1: Gigue.mid": b"1"})
    assert list(read_midi_files(path)) == [("Suite 1: Gigue.mid", b"1")]


def test_a_file_that_is_far_too_large_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(midi_files, "MAX_BYTES", 10)
    write(tmp_path, a_mid=bytes(10), b_mid=bytes(11))
    path = zipped(tmp_path / "all.zip", {"a.mid": bytes(10), "b.mid": bytes(11)})
    assert list(read_midi_files(path)) == list(read_midi_files(tmp_path))
    assert list(read_midi_files(path))[1] == ("b.mid", midi_files.TOO_LARGE)


def test_a_zip_file_that_would_unpack_to_far_more(tmp_path, monkeypatch):
    monkeypatch.setattr(midi_files, "MAX_ZIP_BYTES", 100)
    path = zipped(tmp_path / "all.zip", {f"{i}.mid": bytes(21) for i in range(5)})
    with pytest.raises(InputError) as error:
        list(read_midi_files(path))
    assert str(error.value) == f"{path}: expected MIDI files of at most 100 bytes in all. Received: 105"


def test_a_zip_file_that_announces_less_than_it_holds(tmp_path):
    path = zipped(tmp_path / "all.zip", {"a.mid": bytes(100_000)})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):  # where both headers have the size
        struct.pack_into("<I", content, content.index(signature) + offset, 10)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"all.zip: expected a zip file. Received: a damaged or encrypted one \(.*CRC"):
        list(read_midi_files(path))


def test_a_zip_file_that_is_damaged_or_encrypted(tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"bad.zip: expected a zip file. Received: a damaged or encrypted one"):
        list(read_midi_files(tmp_path / "bad.zip"))
    path = zipped(tmp_path / "all.zip", {"a.mid": b"1234"})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        struct.pack_into("<H", content, content.index(signature) + offset, 1)  # the flag of an encrypted member
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"all.zip: expected a zip file. Received: a damaged or encrypted one"):
        list(read_midi_files(path))
