"""What goes wrong in training without an error: divergence, a discriminator that gives no signal, a collapse."""

from collections.abc import Sequence

from seqgan_tf.core.phases import ADVERSARIAL
from seqgan_tf.runs.rows import Row

DIVERGED = 1.0  # nats per token above the untrained generator
ALWAYS, NEVER = 0.98, 0.02  # accuracies of a discriminator that separates the classes, or that names one class only
COLLAPSED = 0.2  # share of the NLL-test before the adversarial phase that is left as entropy of the generator


def warnings_of(rows: Sequence[Row]) -> dict[str, str]:
    """What a user should know of the evaluations of a run, by kind of problem; empty where nothing is wrong.

    The thresholds are wide: a warning means that the run has failed in this respect, not that it could be better.

    Args:
        rows: evaluations, as `runs.rows.read_rows` returns them.

    Returns:
        {kind: a sentence with what was observed, and what usually helps}.

    Example:
    ```python
    from seqgan_tf.runs.health import warnings_of

    rows = [{"phase": "initial", "step": 0, "nll_test": 8.5}, {"phase": "adversarial", "step": 5, "nll_test": 12.0}]
    print(list(warnings_of(rows)))  # ["diverged"]
    ```
    """
    if not rows:
        return {}
    found: dict[str, str] = {}
    untrained, last = rows[0]["nll_test"], rows[-1]
    if last["nll_test"] > untrained + DIVERGED:
        found["diverged"] = (
            f"NLL-test {last['nll_test']:.3f} is far above that of the untrained generator ({untrained:.3f}): training "
            "has diverged. A lower learning rate of the generator usually helps."
        )
    judged = [row for row in rows if "held_out_real_accuracy" in row][-2:]
    accuracies = [(row["held_out_real_accuracy"], row["held_out_generated_accuracy"]) for row in judged]
    if len(accuracies) == 2 and all(min(pair) >= ALWAYS for pair in accuracies):
        found["separated"] = (
            "The discriminator separates real and generated sequences almost always, so the rewards hardly differ. "
            "Fewer discriminator steps or a lower learning rate of the discriminator usually help."
        )
    if len(accuracies) == 2 and all(min(pair) <= NEVER and max(pair) >= ALWAYS for pair in accuracies):
        kind = "real" if accuracies[-1][0] > accuracies[-1][1] else "generated"
        found["one class"] = (
            f"The discriminator calls nearly every sequence {kind}, so the rewards hardly differ. More discriminator "
            "steps or another learning rate of the discriminator usually help."
        )
    before = [row["nll_test"] for row in rows if row["phase"] != ADVERSARIAL][-1:]
    if before and "entropy" in last and last["entropy"] < COLLAPSED * before[0]:
        found["collapsed"] = (
            f"The entropy of the generator has fallen to {last['entropy']:.3f} nats per token: its samples are nearly "
            "all the same. A lower adversarial learning rate or --adversarial.entropy-weight usually helps."
        )
    return found
