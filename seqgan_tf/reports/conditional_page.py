"""The part of a report about sequences with conditions."""

from collections.abc import Mapping
from typing import Any

from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.reports.tables import number, table


def conditional_parts(report: Mapping[str, Any]) -> list[str]:
    """Markdown: the scores against the references, what the conditions change, and texts.

    Args:
        report: the contents of report.json; its states have the key "conditional", see `evaluate_conditions`.
    """
    states = {name: state for name, state in report["states"].items() if "conditional" in state}
    parts = ["## Against the references", _scores(states), "## What the conditions change", _likelihoods(states)]
    for name, state in states.items():
        parts += [f"## Texts {name}", "The first held-out conditions; nothing was chosen."]
        parts += ["\n".join(_text(row) for row in state["conditional"]["texts"])]
    return parts


def _scores(states: Mapping[str, Any]) -> str:
    rows: list[tuple[str, dict[str, float]]] = []
    keys: dict[str, None] = {}
    signatures: dict[str, str] = {}
    for name, state in states.items():
        found = state["conditional"]
        signatures |= found["signatures"]
        for way, scores in found["decodings"].items():
            keys |= dict.fromkeys(scores)
            rows.append((f"{name}, {way}", scores))
    header = ["", *(METRICS[key].label for key in keys)]
    lines = [[name, *(number(scores.get(key)) for key in keys)] for name, scores in rows]
    computed = "; ".join(f"{METRICS[key].label}: {signature}" for key, signature in signatures.items())
    return f"{table(header, lines)}\n\nsacrebleu, {computed}."


def _likelihoods(states: Mapping[str, Any]) -> str:
    rows = []
    for name, state in states.items():
        own, shuffled = state["likelihood"]["nll_test"], state["conditional"]["nll_test_shuffled"]
        rows.append([name, number(own), number(shuffled), number(shuffled - own)])
    header = ["", METRICS["nll_test"].label, METRICS["nll_test_shuffled"].label, "difference"]
    note = "A generator that uses its conditions gives real sequences a worse NLL-test given those of others."
    return f"{note}\n\n{table(header, rows)}"


def _text(row: Mapping[str, str]) -> str:
    return "\n".join(f"    {name}: {' | '.join(text.splitlines())}" for name, text in row.items()) + "\n"
