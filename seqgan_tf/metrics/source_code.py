"""Whether generated source code is Python."""

from collections.abc import Sequence

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.source_code import syntax_tree
from seqgan_tf.metrics.diversity import Share


def parse_share(texts: Sequence[str]) -> Share:
    """Share of the texts that Python's own parser accepts. Nothing is executed.

    A text without a statement, such as an empty one or a comment, does not count, and neither does one that is nested
    too deeply for the parser. Names are not resolved: a text that parses may still fail when it runs.

    Args:
        texts: generated texts, n >= 1 of them.

    Returns:
        Share, in [0, 1], of texts that parse among all texts.

    Raises:
        InputError: there is no text.

    Example:
    ```python
    from seqgan_tf.metrics import parse_share

    print(parse_share(["def f(x):\\n    return x", "def f(x:"]))  # Share(share=0.5, part=1, whole=2)
    ```
    """
    if isinstance(texts, str) or not len(texts):
        raise InputError(f"`texts` must be a list of at least one str. Received: {texts!r:.60}")
    parsed = sum(_parses(text) for text in texts)
    return Share(parsed / len(texts), parsed, len(texts))


def _parses(text: str) -> bool:
    try:
        return bool(syntax_tree(text).body)
    except ValueError:
        return False
