"""Damages the files of a run directory, and tells what becomes of the run."""

import hashlib
import shutil

DEEP = 100_000
MARK = "run-by-pickle"


def _cut(content, draw):
    return content[: draw.randrange(max(1, len(content)))]


def _flipped(content, draw):
    if not content:
        return b"?"
    place = draw.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << draw.randrange(8))]) + content[place + 1 :]


CONTENTS = {
    "empty": lambda content, draw: b"",
    "cut": _cut,
    "zeroed": lambda content, draw: bytes(len(content)),
    "flipped": _flipped,
    "random": lambda content, draw: draw.randbytes(len(content)),
    "doubled": lambda content, draw: content * 2,
    "deep json": lambda content, draw: b'{"a":' * DEEP,
    "deep toml": lambda content, draw: b"a = " + b"[" * DEEP,
    "numbers": lambda content, draw: b"1" * DEEP,
}
DAMAGES = ("removed", "directory", "other", "pickle", *CONTENTS)
USES = ("generate", "resume", "evaluate", "branch")


def files(directory):
    """The files of a run directory, in order."""
    return sorted(path for path in directory.rglob("*") if path.is_file() and path.suffix != ".lock")


def damage(path, how, draw, others):
    """Damages a file.

    Args:
        path: the file.
        how: one of `DAMAGES`.
        draw: a `random.Random` for the places of cuts and flips.
        others: files, one of which takes the place of this one for "other".
    """
    content = path.read_bytes()
    path.unlink()
    if how == "directory":
        path.mkdir()
    elif how == "other":
        shutil.copy(draw.choice(others), path)
    elif how == "pickle":
        path.write_bytes(f"cos\nsystem\n(S'touch {path}.{MARK}'\ntR.".encode())
    elif how != "removed":
        path.write_bytes(CONTENTS[how](content, draw))


def uses(directory):
    """What a user does with a run directory: {one of `USES`: function}."""
    from seqgan_tf.reports.data import read_evaluation_data
    from seqgan_tf.reports.evaluate import evaluate_run
    from seqgan_tf.reports.settings import EvaluationSettings
    from seqgan_tf.runs.directory import branch_run, load_run, open_run

    def generate():
        run = load_run(directory)
        run.decode(run.gan.generate(2, seed=1))

    def resume():
        run = open_run(directory)
        state = run.state()
        if state.has_checkpoint:
            state.restore()
        next(run.training(state).run(), None)

    def evaluate():
        run, settings = load_run(directory), EvaluationSettings(samples=4)
        evaluate_run(run, read_evaluation_data(run, settings), settings)

    def branch():
        branch_run(directory.parent / "branch", directory, open_run(directory).settings)

    return {"generate": generate, "resume": resume, "evaluate": evaluate, "branch": branch}


def outcome(source, path, how, use, folder, draw):
    """What a user is told who uses a copy of a run of which one file is damaged.

    Args:
        source: the run directory; it is not changed.
        path: one of its files.
        how: one of `DAMAGES`.
        use: one of `USES`.
        folder: an empty directory for the copy.
        draw: a `random.Random`.

    Returns:
        "works", "refused" for an `InputError` of one line, or a description of what went wrong.
    """
    from seqgan_tf.core.validation import InputError

    directory = shutil.copytree(source, folder / "run")
    others = files(source)
    before = {other: digest(directory / other.relative_to(source)) for other in others if other != path}
    damage(directory / path.relative_to(source), how, draw, others)
    try:
        uses(directory)[use]()
        told = "works"
    except InputError as error:
        told = "refused" if len(str(error).splitlines()) == 1 else f"{len(str(error).splitlines())} lines: {error}"
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
    if use != "resume":  # which writes the rows, and removes what was written after the checkpoint that is read
        lost = [other.name for other, then in before.items() if digest(directory / other.relative_to(source)) != then]
        told += f", changed {lost}" * bool(lost)
    if any(folder.rglob(f"*{MARK}")):
        told += ", ran the pickle"
    if extra := {other.name for other in folder.iterdir()} - {"run", "branch"}:
        told += f", wrote {sorted(extra)}"
    return told


def digest(path):
    """SHA-256 of a file; None where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
