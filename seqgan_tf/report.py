"""A run in words and in a picture."""

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


def plot_curves(rows, path):
    """Draws the evaluations of a run over its time.

    Args:
        rows: list of dict, as `Training` keeps them.
        path: PNG file to write.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("a picture needs matplotlib: pip install 'seqgan-tf[plot]'") from error

    figure = Figure(figsize=(9, 6.5), layout="constrained")
    likelihood, accuracy = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    for axes, names in (
        (likelihood, {"nll_test": "NLL-test (held-out data)", "nll_oracle": "NLL-oracle (samples)"}),
        (accuracy, {"held_out_real_accuracy": "real sequences", "held_out_generated_accuracy": "generated sequences"}),
    ):
        for name, label in names.items():
            points = [(row["seconds"], row[name]) for row in rows if name in row]
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", markersize=3.5, label=label)
    # The untrained start is a point far above all others: it would flatten the rest.
    trained = [row[name] for row in rows[1:] for name in ("nll_test", "nll_oracle") if name in row]
    if trained:
        margin = 0.05 * (max(trained) - min(trained)) + 0.02
        likelihood.set_ylim(min(trained) - margin, max(trained) + margin)
    ends = [row["seconds"] for row in last_of_each_phase(rows)]
    for phase, start, end in zip(last_of_each_phase(rows)[1:], ends, ends[1:], strict=False):
        likelihood.axvspan(start, end, alpha=0.08, color="C2" if phase["phase"] == ADVERSARIAL else "0.5")
        accuracy.axvspan(start, end, alpha=0.08, color="C2" if phase["phase"] == ADVERSARIAL else "0.5")
        likelihood.annotate(
            phase["phase"].replace(" ", "\n"),
            ((start + end) / 2, 0.98),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=9,
            color="0.35",
        )
    likelihood.set_ylabel("nats per token")
    accuracy.axhline(0.5, color="0.6", linewidth=0.8)
    accuracy.set_ylim(0, 1)
    accuracy.set_ylabel("D is right on held-out")
    accuracy.set_xlabel("seconds")
    for axes in (likelihood, accuracy):
        axes.grid(alpha=0.25)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best")
    figure.savefig(path, dpi=110)
