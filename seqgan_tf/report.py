"""A run, and a comparison, in words."""

import numpy as np

from seqgan_tf.training import ADVERSARIAL, DISCRIMINATOR, GENERATOR

NOISE = 0.01  # nats a token; two evaluations of 5,000 sequences differ by less when nothing moved
CAVEAT = (
    "NLL-oracle alone proves nothing: any model lowers it by losing diversity, for instance by sampling at a "
    "temperature below 1. Read it beside NLL-test."
)


def last_of_each_phase(rows):
    """The final evaluation of each phase, in order: list of rows as `Training` keeps them."""
    return list({row["phase"]: row for row in rows}.values())


def verdict(rows):
    """What the adversarial phase moved, in sentences; an empty string where it has not been evaluated.

    Args:
        rows: list of dict, as `Training` keeps them.
    """
    phases = {row["phase"]: row for row in last_of_each_phase(rows)}
    before, after = phases.get(DISCRIMINATOR, phases.get(GENERATOR)), phases.get(ADVERSARIAL)
    if before is None or after is None:
        return ""
    sentences = [f"In the adversarial phase {_moved('NLL-test', before['nll_test'], after['nll_test'])}"]
    test_rose = after["nll_test"] - before["nll_test"] > NOISE
    if "nll_oracle" in after:
        oracle_fell = before["nll_oracle"] - after["nll_oracle"] > NOISE
        sentences[0] += f", and {_moved('NLL-oracle', before['nll_oracle'], after['nll_oracle'])}."
        if oracle_fell and test_rose:
            sentences.append(
                "The samples became likelier under the oracle and held-out data less likely: the price was diversity."
            )
        elif oracle_fell:
            sentences.append("The samples became likelier under the oracle at no cost in held-out likelihood.")
        else:
            sentences.append(
                "The samples did not become likelier under the oracle: adversarial training did not help here."
            )
        sentences.append(CAVEAT)
    else:
        sentences[0] += "."
        sentences.append(
            "Held-out text became less likely: what the samples gained with the discriminator, they paid in likelihood."
            if test_rose
            else "Held-out text did not become less likely."
        )
    if "held_out_real_accuracy" in after:
        accuracy = (after["held_out_real_accuracy"] + after["held_out_generated_accuracy"]) / 2
        sentences.append(
            f"On sequences that it never saw the discriminator is right {accuracy:.0%} of the time (chance: 50%)."
        )
    return " ".join(sentences)


def _moved(name, before, after):
    if abs(after - before) <= NOISE:
        return f"{name} stayed at {after:.3f} (before: {before:.3f})"
    return (
        f"{name} {'rose' if after > before else 'fell'} by {abs(after - before):.3f}, from {before:.3f} to {after:.3f}"
    )


def equal_nll_verdict(name, other, quality, comparison):
    """What a comparison at equal NLL-test says, in a sentence.

    Args:
        name, other: str, the curves.
        quality: "NLL-oracle", where lower is better, or another name, where higher is.
        comparison: `metrics.sweep.EqualNllComparison`, `name` less `other`.
    """
    if not len(comparison.nll_test):
        return f"{name} and {other} have no NLL-test in common, so they can not be compared."
    low, high = comparison.nll_test[[0, -1]]
    start = f"{name} against {other} at equal NLL-test, {low:.2f} to {high:.2f}: {quality} differs by "
    start += f"{comparison.difference.min():+.3f} to {comparison.difference.max():+.3f}"
    if not np.isfinite(comparison.half_width).all():
        return f"{start}. From one seed no band can be had, so this may be chance."
    gain = -comparison.difference if quality == "NLL-oracle" else comparison.difference
    better, worse = (int(np.sum(sign * gain > comparison.half_width)) for sign in (1, -1))
    verdict = {
        (False, False): "no difference that is larger than its band",
        (True, False): f"better at {better} of {len(gain)} points",
        (False, True): f"worse at {worse} of {len(gain)} points: sampling {other} at a lower temperature does better",
        (True, True): f"better at {better} and worse at {worse} of {len(gain)} points",
    }[better > 0, worse > 0]
    return f"{start}; {verdict} ({comparison.confidence:.0%} bands over seeds)."
