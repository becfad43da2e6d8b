"""Explanations as tables in Markdown."""

from collections.abc import Sequence

from seqgan_tf.reports.explanation import Alternative, Explanation
from seqgan_tf.reports.tables import table

NGRAMS = 10
COLUMNS = ("", "token", "P", "Q", "advantage", "logit share", "alternatives (P, Q)")
NGRAM_COLUMNS = ("from", "n-gram", "width", "filters won", "weight in the logit")


def explanation_markdown(explanations: Sequence[Explanation]) -> str:
    """A table of the tokens of each sequence, and one of its n-grams if there are any, with what they mean."""
    return "\n\n".join(part for found in explanations for part in _parts(found))


def notes(found: Explanation) -> str:
    """What the columns of an explanation mean."""
    lines = [
        f"Q: mean reward ({found.reward}) of {found.num_rollouts} completions of the beginning with the token, ± the "
        "standard error. Advantage: Q less that of the alternatives, weighted by P, the generator's probability.",
        f"Logit share: what the token adds to the discriminator's logit ({found.method}); above 0 speaks for real, "
        f"below 0 for generated. {number(found.rest)} of the logit belongs to no token.",
    ]
    return " ".join(lines)


def rest_of_ngrams(found: Explanation) -> str:
    """What is in the logit beside the first n-grams, for a discriminator that has them."""
    assert found.ngrams is not None
    assert found.base is not None
    others = found.ngrams[NGRAMS:]
    total = number(sum(ngram.weight for ngram in others))
    return f"The {len(others)} other n-grams together: {total}. The logit without any: {number(found.base)}."


def heading(found: Explanation) -> str:
    """The discriminator's opinion of a sequence, in a line."""
    return f"Logit of the discriminator {number(found.logit)}: probability of real {found.probability_real:.0%}"


def number(value: float, error: float | None = None) -> str:
    """A number with its sign and three decimals, and its standard error where it has one above 0."""
    return f"{value:+.3f}" + (f" ± {error:.3f}" if error is not None and error > 0 else "")


def _parts(found: Explanation) -> list[str]:
    first = [found.text] if found.condition is None else [f"{' | '.join(found.condition.splitlines())}: {found.text}"]
    lines = ["    " + line for text in first for line in text.splitlines() or [""]]
    header, rows = list(COLUMNS), []
    if found.attention is not None:
        header.insert(3, "reads")
    for place, token in enumerate(found.tokens):
        row = [
            str(place + 1),
            token.token,
            f"{token.probability:.3f}",
            number(token.value, token.standard_error),
            number(token.advantage, token.advantage_error),
            number(token.logit_share),
            ", ".join(map(alternative, token.alternatives)),
        ]
        if found.attention is not None and found.source is not None:
            weights = found.attention[place]
            most = max(range(len(weights)), key=weights.__getitem__)
            row.insert(3, f"{found.source[most]} {weights[most]:.0%}")
        rows.append(row)
    parts = ["\n".join(lines), heading(found), table(header, rows), notes(found)]
    if found.ngrams is not None:
        shown = found.ngrams[:NGRAMS]
        ngrams = [[str(n.start + 1), n.text, str(n.width), str(n.filters), number(n.weight)] for n in shown]
        parts.append(table(NGRAM_COLUMNS, ngrams))
        parts.append(rest_of_ngrams(found))
    return parts


def alternative(other: Alternative) -> str:
    """A token with its P and its Q."""
    return f"{other.token} ({other.probability:.2f}, {other.value:+.2f})"
