"""The JSON file of a tokenizer. It may come from elsewhere, so it is compared with the rules that training sets.

Only a file with the rules of this package reaches the library: no other regular expression, normalizer or model.
"""

import json
import os
import re
from collections.abc import Callable
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers

from seqgan_tf.core.files import read_text
from seqgan_tf.core.validation import InputError

COUNTED_LEVELS = ("char", "word", "whitespace", "bpe")
"""The levels whose vocabulary is counted in text."""
IDS = "ids"
LEVELS = (*COUNTED_LEVELS, IDS)
WITHOUT_UNKNOWN = ("bpe", IDS)
"""The levels without an unknown token."""
PRE_TOKENIZERS = {"Split": "char", "Whitespace": "word", "WhitespaceSplit": "whitespace", "ByteLevel": "bpe"}
END, UNKNOWN = "<end>", "<unk>"
OWN = "seqgan_tf"
"""The key of what the library has no place for: the rules for blanks."""

MAX_TOKENS = 1_000_000
MAX_BYTES = 2**27

_BYTES = {"type": "ByteLevel", "trim_offsets": True, "use_regex": True}
_BLANKS_DROPPED = {"type": "Replace", "pattern": {"Regex": r"\s"}, "content": ""}
_JOINED = {"type": "WordPiece", "prefix": " ", "cleanup": False}
_WORD_LEVEL = {"type": "WordLevel", "unk_token": UNKNOWN}
_PAIRS = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
}
# What each part of a file may be, by level. The decoder "##" was written by version 0.1.0.
_NORMALIZERS: dict[str, list[Any]] = {"char": [None, _BLANKS_DROPPED]}
_PRE_TOKENIZER: dict[str, dict[str, Any]] = {
    "char": {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated", "invert": False},
    "word": {"type": "Whitespace"},
    "whitespace": {"type": "WhitespaceSplit"},
    IDS: {"type": "WhitespaceSplit"},
    "bpe": _BYTES | {"add_prefix_space": False},
}
_DECODERS: dict[str, list[Any]] = {
    "char": [{"type": "Fuse"}],
    "word": [{"type": "WordPiece", "prefix": prefix, "cleanup": True} for prefix in (" ", "##")],
    "whitespace": [_JOINED],
    IDS: [_JOINED],
    "bpe": [_BYTES | {"add_prefix_space": True}],
}
_KEYS = {
    *("version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer"),
    *("post_processor", "decoder", "model", OWN),
}
# The library's white space. Python counts U+001C to U+001F too.
_BLANK = re.compile(r"[^\S\x1c-\x1f]")
_RULES = "expected the rules that `TextTokenizer.train` sets"


def read(path: str | os.PathLike) -> tuple[Tokenizer, dict[str, Any]]:
    """The library's tokenizer in a file, and what the file holds under `OWN`.

    Args:
        path: the JSON file.

    Raises:
        InputError: the file cannot be read, is damaged, or has rules or token ids that training does not set.
    """
    try:
        size = os.path.getsize(path)
    except (OSError, ValueError):
        size = 0  # reading says why
    if size > MAX_BYTES:
        raise InputError(f"{path}: expected a tokenizer file of at most {MAX_BYTES} bytes. Received: {size} bytes")
    content = read_text(path, "a tokenizer file")
    try:
        return parse(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def parse(content: str) -> tuple[Tokenizer, dict[str, Any]]:
    """As `read`, of the content of a file."""
    try:
        data = json.loads(content)
    except RecursionError as error:
        raise InputError("expected a tokenizer file. Received: JSON that is nested too deeply") from error
    except ValueError as error:
        raise InputError(f"expected a tokenizer file ({error})") from error
    if not isinstance(data, dict) or not all(isinstance(data.get(key), dict) for key in ("model", "pre_tokenizer")):
        raise InputError("expected a tokenizer file. Received: JSON without a model and a pre_tokenizer")
    own = data.pop(OWN, {})
    if not isinstance(own, dict):
        raise InputError(f"{_RULES}. Received: {OWN} = {_short(own)}")
    vocabulary = data["model"].get("vocab")
    level = level_of(data["pre_tokenizer"].get("type"), vocabulary.get if isinstance(vocabulary, dict) else {}.get)
    _check_tokens(data, level)
    _check_rules(data, level)
    try:
        return Tokenizer.from_str(json.dumps(data)), own
    except Exception as error:  # the library raises bare Exception
        raise InputError(f"expected a tokenizer file ({_short(error)})") from error


def write(tokenizer: Tokenizer, own: dict[str, Any]) -> str:
    """The content of a file that `parse` reads."""
    content = tokenizer.to_str(pretty=True)
    return json.dumps(json.loads(content) | {OWN: own}, ensure_ascii=False, indent=2) if own else content


def level_of(kind: object, token_to_id: Callable[[str], object]) -> str:
    """The level of a tokenizer.

    Args:
        kind: the type of its pre-tokenizer.
        token_to_id: the id of a token, or None. "0" is token 0 at the level "ids" alone.

    Raises:
        InputError: a pre-tokenizer of another kind.
    """
    if kind not in list(PRE_TOKENIZERS):
        raise InputError(f"expected a tokenizer of the level {', '.join(map(repr, LEVELS))}. Received: {_short(kind)}")
    level = PRE_TOKENIZERS[str(kind)]
    return IDS if level == "whitespace" and token_to_id("0") == 0 else level


def special_tokens(level: str) -> list[str]:
    """The first tokens of a counted vocabulary: the end token, and the unknown token where there is one."""
    return [END] if level in WITHOUT_UNKNOWN else [END, UNKNOWN]


def id_vocabulary(count: int, has_end: bool) -> dict[str, int]:
    """The tokens of the level "ids": integers, the end token where there is one, and what marks an unknown part."""
    return {token: i for i, token in enumerate([*map(str, range(count)), *[END] * has_end, UNKNOWN])}


def _check_rules(data: dict[str, Any], level: str) -> None:
    checked = ("vocab", "merges") if level == "bpe" else ("vocab",)
    model = {key: value for key, value in data["model"].items() if key not in checked}
    for name, value, allowed in (
        ("keys", sorted(set(data) - _KEYS), [[]]),
        ("truncation", data.get("truncation"), [None]),
        ("padding", data.get("padding"), [None]),
        ("post_processor", data.get("post_processor"), [None]),
        ("normalizer", data.get("normalizer"), _NORMALIZERS.get(level, [None])),
        ("pre_tokenizer", data["pre_tokenizer"], [_PRE_TOKENIZER[level]]),
        ("decoder", data.get("decoder"), _DECODERS[level]),
        ("model", model, [_PAIRS if level == "bpe" else _WORD_LEVEL]),
    ):
        if value not in allowed:
            raise InputError(f"{_RULES}. Received: {name} {_short(value)}")


def _check_tokens(data: dict[str, Any], level: str) -> None:
    vocabulary = data["model"].get("vocab")
    if not isinstance(vocabulary, dict):
        raise InputError(f"expected a tokenizer with a vocabulary. Received: {_short(vocabulary)}")
    size = len(vocabulary)
    if size > MAX_TOKENS:
        raise InputError(f"expected a tokenizer of at most {MAX_TOKENS} tokens. Received: {size}")
    if END not in vocabulary and level != IDS:
        raise InputError(f"expected a tokenizer with an end token {END!r}")
    seen: set[int] = set()
    for token, i in vocabulary.items():
        if type(i) is not int or not 0 <= i < size or i in seen:
            raise InputError(f"expected token ids 0 to {size - 1}, each once. Received: {_short(i)} for {token[:60]!r}")
        seen.add(i)
        if not token or (level not in ("char", "bpe") and _BLANK.search(token)):
            raise InputError(f"expected tokens without blanks. Received: {token[:60]!r}")
    if level == IDS:
        special = [token for token in (END, UNKNOWN) if token in vocabulary]
        expected = id_vocabulary(size - len(special), END in vocabulary)
        if vocabulary != expected:
            wrong = next(token for token in expected if vocabulary.get(token) != expected[token])
            raise InputError(f"{_RULES}. Received: {wrong} is not token {expected[wrong]}")
    else:
        special = special_tokens(level)
        if [vocabulary.get(token) for token in special] != list(range(len(special))):
            raise InputError(f"expected the first tokens {special}. Received: {special[-1]} has another id")
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [{"id": vocabulary[token], "content": token} | flags for token in special]
    if data.get("added_tokens") != added:
        raise InputError(f"expected the added tokens {special}. Received: {_short(data.get('added_tokens'))}")
    if level == "bpe":
        missing = set(pre_tokenizers.ByteLevel.alphabet()) - set(vocabulary)
        if missing:
            raise InputError(f"expected a token for each byte. Received: none for {min(missing)!r}")
        _check_merges(data["model"].get("merges"), vocabulary)


def _check_merges(merges: Any, vocabulary: dict[str, int]) -> None:
    if not isinstance(merges, list):
        raise InputError(f"expected a list of pairs that are merged. Received: {_short(merges)}")
    seen = set()
    for pair in merges:
        is_pair = isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
        if not is_pair or not all(t in vocabulary for t in (*pair, "".join(pair))) or tuple(pair) in seen:
            raise InputError(f"expected pairs of tokens that are merged to a token. Received: {_short(pair)}")
        seen.add(tuple(pair))


def _short(value: object) -> str:
    """The beginning of a value, on one line."""
    try:
        return " ".join(str(value)[:200].split())[:80]
    except RecursionError:
        return "JSON that is nested too deeply"
