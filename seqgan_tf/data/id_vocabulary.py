"""Token ids as text: integers with blanks between them, which are the token ids of the model as they are.

The vocabulary is not counted, it is all integers below a size. One id more is the end token, where it is needed. The
library also needs a token for what is no id; it has the last id, and no text with it is accepted.
"""

import re
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.line_sequence import LineError, place
from seqgan_tf.data.tokenizer_file import END, MAX_TOKENS, UNKNOWN, id_vocabulary

_ID = re.compile("0|[1-9][0-9]*")
_FORM = "integers of at least 0 with blanks between them"
MAX_IDS = MAX_TOKENS - 2
"""The largest vocabulary: there is room for an end token and an unknown token."""


def ids_backend(texts: Iterable[str], vocabulary_size: int | None = None) -> Tokenizer:
    """The library's tokenizer of texts that consist of token ids.

    There is an end token unless all texts have the same number of ids and one line each.

    Args:
        texts: the texts, those of the held-out parts too.
        vocabulary_size: number of ids. Defaults to None: the largest id of the texts, plus 1.

    Raises:
        LineError: a text has a part that is no integer, or an id that is negative or too large.
        InputError: there is no text.
    """
    if vocabulary_size is not None and vocabulary_size > MAX_IDS:
        raise InputError(f"`vocabulary_size` must be at most {MAX_IDS} at the level 'ids'. Received: {vocabulary_size}")
    limit = MAX_IDS if vocabulary_size is None else vocabulary_size
    largest, sizes = -1, set()
    seen: set[str] = set()
    for index, text in enumerate(texts):
        lines = [line.split() for line in text.split("\n")]
        sizes.add(tuple(map(len, lines)))
        for new in (token for line in lines for token in line if token not in seen):
            expected = None
            if not _ID.fullmatch(new):
                expected = _FORM
            elif len(new) > len(str(limit)) or int(new) >= limit:
                expected = f"ids below {limit}, the {'largest ' * (vocabulary_size is None)}size of the vocabulary"
            if expected:
                raise LineError(f"{place(texts, index)}: expected {expected}. Received: {new[:40]!r}")
            largest = max(largest, int(new))
            seen.add(new)
    if largest < 0:
        raise InputError(f"expected {_FORM}. Received: none")
    has_end = len(sizes) > 1 or any(len(lines) > 1 for lines in sizes)
    tokenizer = Tokenizer(models.WordLevel(id_vocabulary(vocabulary_size or largest + 1, has_end), unk_token=UNKNOWN))
    tokenizer.add_special_tokens([END, UNKNOWN] if has_end else [UNKNOWN])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece(prefix=" ", cleanup=False)
    return tokenizer
