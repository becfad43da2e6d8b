"""The catalogue of metrics: the label, the unit and the meaning of each, and which of its values are better.

Whatever shows a metric, or says whether a change of it is an improvement, takes these from here. This module does not
import TensorFlow.
"""

import dataclasses
from typing import Literal, TypeVar

import numpy as np

from seqgan_tf.core.objective_names import name_of_log
from seqgan_tf.core.validation import InputError

NATS_PER_TOKEN, NATS_PER_SEQUENCE = "nats per token", "nats per sequence"
ORDERS = (2, 3, 4, 5)
"""The orders n of BLEU-n, Self-BLEU-n and MS-Jaccard-n."""
DISTINCT_ORDERS = (1, 2)
"""The orders n of distinct-n."""

Difference = TypeVar("Difference", float, np.ndarray)


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric: how it is shown, what it means, and which of its values are better.

    Attributes:
        key: its name in logs, metrics.csv and report.json, such as "nll_test".
        label: its name in tables and pictures, such as "NLL-test".
        unit: such as "nats per token"; empty where it has none.
        direction: the better values: "lower", "higher", or "none" where neither is better. For a metric of the
            discriminator these are the better values for the discriminator.
        description: one sentence: what is measured, and what it is divided by.

    Raises:
        InputError: `direction` is none of the three.

    Example:
    ```python
    from seqgan_tf.metrics import METRICS

    metric = METRICS["nll_test"]
    print(f"{metric.label}, {metric.unit}")  # NLL-test, nats per token
    print(metric.gain(2.5 - 3.0))            # 0.5: it fell from 3.0 to 2.5, and lower is better
    ```
    """

    key: str
    label: str
    unit: str
    direction: Literal["lower", "higher", "none"]
    description: str

    def __post_init__(self) -> None:
        if self.direction not in ("lower", "higher", "none"):
            raise InputError(f"`direction` must be 'lower', 'higher' or 'none'. Received: {self.direction!r}")

    def gain(self, difference: Difference) -> Difference:
        """A difference with the sign that makes an improvement positive.

        Args:
            difference: value after a change less the value before it; a number or an array.

        Returns:
            `difference` where higher is better, -`difference` where lower is.

        Raises:
            InputError: the direction is "none". A gain of 0 would say that nothing changed.
        """
        if self.direction == "none":
            raise InputError(f"`{self.key}` must be a metric with better values. Received: direction 'none'")
        return difference if self.direction == "higher" else -difference


_LIKELIHOODS = (
    Metric(
        "nll_test",
        "NLL-test",
        NATS_PER_TOKEN,
        "lower",
        "Negative log-likelihood of held-out real sequences under the generator, divided by their number of tokens.",
    ),
    Metric(
        "nll_oracle",
        "NLL-oracle",
        NATS_PER_TOKEN,
        "lower",
        "Negative log-likelihood of generated sequences under the oracle, divided by their number of tokens.",
    ),
    Metric(
        "oracle_entropy",
        "entropy of the oracle",
        NATS_PER_TOKEN,
        "none",
        "Negative log-likelihood of sequences of the oracle under the oracle, divided by their number of tokens.",
    ),
    Metric(
        "generator_entropy",
        "entropy of G",
        NATS_PER_TOKEN,
        "none",
        "Negative log-likelihood of generated sequences under the generator, divided by their number of tokens.",
    ),
    Metric(
        "kl_oracle_generator",
        "KL(O||G)",
        NATS_PER_SEQUENCE,
        "lower",
        "Mean of log O - log G over sequences of the oracle: large where G rarely writes what O writes.",
    ),
    Metric(
        "kl_generator_oracle",
        "KL(G||O)",
        NATS_PER_SEQUENCE,
        "lower",
        "Mean of log G - log O over generated sequences: large where G writes what O rarely writes.",
    ),
    Metric(
        "jensen_shannon",
        "JSD",
        NATS_PER_SEQUENCE,
        "lower",
        "Mean of KL(O||M) and KL(G||M) with M = (O + G) / 2, of whole sequences, from 0 to log 2 up to sampling error.",
    ),
    Metric(
        "reverse_lm_nll",
        "reverse-LM NLL",
        NATS_PER_TOKEN,
        "lower",
        "Negative log-likelihood of held-out real sequences under a language model trained on generated samples, "
        "divided by the number of tokens of the real sequences.",
    ),
)
_SAMPLES = (
    *(
        Metric(
            f"bleu_{n}",
            f"BLEU-{n}",
            "",
            "higher",
            f"Mean over generated sequences of the sentence BLEU-{n} against all held-out real sequences, from 0 to 1.",
        )
        for n in ORDERS
    ),
    *(
        Metric(
            f"self_bleu_{n}",
            f"Self-BLEU-{n}",
            "",
            "lower",
            f"Mean over generated sequences of the sentence BLEU-{n} against all other generated sequences, from 0 to "
            "1: lower means more diverse.",
        )
        for n in ORDERS
    ),
    *(
        Metric(
            f"ms_jaccard_{n}",
            f"MS-Jaccard-{n}",
            "",
            "higher",
            f"Geometric mean, over k = 1 to {n}, of the Jaccard similarity of the k-gram counts per sequence of "
            "generated and real sequences, from 0 to 1.",
        )
        for n in ORDERS
    ),
    *(
        Metric(
            f"distinct_{n}",
            f"distinct-{n}",
            f"share of {n}-grams",
            "higher",
            f"Number of different {n}-grams of the generated sequences, divided by their number of {n}-grams.",
        )
        for n in DISTINCT_ORDERS
    ),
    Metric(
        "share_copied",
        "share copied",
        "share of sequences",
        "lower",
        "Number of generated sequences that occur in the training data, divided by the number of generated sequences.",
    ),
    Metric(
        "share_parsed",
        "share parsed",
        "share of sequences",
        "higher",
        "Number of generated texts with a statement that Python's parser accepts, divided by the number of texts.",
    ),
    Metric(
        "frechet_distance",
        "Frechet distance",
        "",
        "lower",
        "Squared Frechet distance between Gaussians fitted to the embeddings of generated and of real sequences, whose "
        "covariances divide by n - 1.",
    ),
)
_MUSIC = (
    Metric(
        "scale_consistency",
        "scale consistency",
        "share of notes",
        "higher",
        "Mean over tunes with notes of the largest share of their notes, drums left out, in one major scale.",
    ),
    Metric(
        "pitch_class_distance",
        "pitch-class distance",
        "",
        "lower",
        "Jensen-Shannon distance (base 2, from 0 to 1) between the shares of the twelve pitch classes in the notes of "
        "generated and of real tunes, drums left out.",
    ),
    Metric(
        "duration_distance",
        "duration distance",
        "",
        "lower",
        "Jensen-Shannon distance (base 2, from 0 to 1) between the shares of the durations of all notes, in quarter "
        "notes, of generated and of real tunes.",
    ),
    Metric(
        "empty_bar_rate",
        "empty bars",
        "share of bars",
        "none",
        "Number of bars in which no note sounds, divided by the number of bars of all tunes.",
    ),
)
_DISCRIMINATOR = (
    Metric(
        "real_accuracy",
        "right on real",
        "share of sequences",
        "higher",
        "Number of real sequences with P(real) above 1/2, divided by the number of real sequences.",
    ),
    Metric(
        "generated_accuracy",
        "right on generated",
        "share of sequences",
        "higher",
        "Number of generated sequences with P(real) of at most 1/2, divided by the number of generated sequences.",
    ),
    Metric(
        "held_out_real_accuracy",
        "D right on held-out real",
        "share of sequences",
        "higher",
        "Number of held-out real sequences with P(real) above 1/2, divided by the number of held-out real sequences.",
    ),
    Metric(
        "held_out_generated_accuracy",
        "D right on generated",
        "share of sequences",
        "higher",
        "Number of new samples with P(real) of at most 1/2, divided by the number of new samples.",
    ),
    Metric(
        "held_out_gain",
        "held-out gain of D",
        NATS_PER_SEQUENCE,
        "higher",
        "Nats per sequence that the generator would gain if it followed the discriminator exactly, on held-out real "
        "sequences and new samples.",
    ),
    Metric(
        "mismatched_accuracy",
        "right on mismatched",
        "share of sequences",
        "higher",
        "Number of real sequences with the condition of another one and P(real) of at most 1/2, divided by their "
        "number.",
    ),
    Metric(
        "held_out_mismatched_accuracy",
        "D right on mismatched",
        "share of sequences",
        "higher",
        "Number of held-out real sequences with the condition of another one and P(real) of at most 1/2, divided by "
        "their number.",
    ),
    Metric(
        "nll_test_shuffled",
        "NLL-test, shuffled conditions",
        "nats per token",
        "higher",
        "NLL-test of real sequences, each given the condition of another one.",
    ),
    Metric(
        "chrf",
        "chrF",
        "0 to 100",
        "higher",
        "F-score of character n-grams of the texts and their references (sacrebleu, chrF2).",
    ),
    *(
        Metric(
            f"sacrebleu_{n}",
            "sacreBLEU" if n == 4 else f"sacreBLEU-{n}",
            "0 to 100",
            "higher",
            f"Corpus BLEU with n-grams up to {n} of the texts against the reference of each (sacrebleu).",
        )
        for n in range(1, 5)
    ),
    Metric(
        "exact_match",
        "exact match",
        "share of sequences",
        "higher",
        "Number of texts that are equal to a reference of theirs, divided by the number of texts.",
    ),
    Metric(
        "share_of_conditions",
        "copies of the condition",
        "share of sequences",
        "lower",
        "Number of texts that are equal to their condition, divided by the number of texts.",
    ),
    Metric(
        "auc",
        "AUC",
        "",
        "higher",
        "Number of pairs of a real and a generated sequence in which the real one has the higher logit, ties counted "
        "half, divided by the number of pairs.",
    ),
    Metric(
        "gain",
        "gain",
        NATS_PER_SEQUENCE,
        "higher",
        "Mean over real sequences of s, less the logarithm of the mean over samples of exp(s), where s is the clipped "
        "logit times the scale that is best on other sequences: the fall of KL(data || G) if G were replaced by "
        "G exp(s) / Z.",
    ),
    Metric(
        "log_loss",
        "log loss",
        NATS_PER_SEQUENCE,
        "lower",
        "Cross-entropy of P(real), the mean of the mean over real and the mean over generated sequences.",
    ),
    Metric(
        "calibration_error",
        "calibration error",
        "",
        "lower",
        "Expected calibration error: mean, over sequences, of |share of real sequences - mean P(real)| in their bin.",
    ),
)
_TRAINING = (
    Metric(
        "nll",
        "loss",
        NATS_PER_TOKEN,
        "lower",
        "Negative log-likelihood of a batch of training sequences under the generator, divided by its number of "
        "tokens.",
    ),
    Metric(
        "generator_loss",
        "G loss",
        "",
        "none",
        "Policy gradient loss: the sum over tokens of -advantage * log G, divided by the number of sequences.",
    ),
    Metric(
        "reward",
        "reward",
        "",
        "none",
        "Sum of the rewards of all generated tokens, divided by their number; the discriminator that gives them "
        "changes, so that rewards of different rounds cannot be compared.",
    ),
    Metric(
        "log_odds",
        "mean log-odds",
        NATS_PER_SEQUENCE,
        "none",
        "Mean over sampled sequences of the clipped log-odds of P(real), where these are one of several rewards.",
    ),
    Metric(
        "probability",
        "mean probability",
        "",
        "none",
        "Mean over sampled sequences of P(real), where it is one of several rewards.",
    ),
    Metric(
        "entropy",
        "G entropy",
        NATS_PER_TOKEN,
        "none",
        "Entropy of the next-token distribution of the generator, the mean over generated tokens.",
    ),
    Metric(
        "kl",
        "KL",
        NATS_PER_SEQUENCE,
        "none",
        "Estimate of KL(G || G_0) from samples of the generator G; G_0: the pre-trained one, or that before the round.",
    ),
    Metric(
        "discriminator_loss",
        "D loss",
        NATS_PER_SEQUENCE,
        "lower",
        "Cross-entropy of P(real) with dropout on, the mean of the mean over real and the mean over generated "
        "sequences of a batch.",
    ),
    *(
        Metric(key, label, "", "none", f"Global norm of the gradient of a {step} step, before clipping.")
        for key, label, step in (
            ("gradient_norm", "gradient", "maximum likelihood"),
            ("generator_gradient_norm", "G gradient", "policy gradient"),
            ("discriminator_gradient_norm", "D gradient", "discriminator"),
        )
    ),
)

METRICS: dict[str, Metric] = {
    metric.key: metric for metric in (*_LIKELIHOODS, *_SAMPLES, *_MUSIC, *_DISCRIMINATOR, *_TRAINING)
}
"""Every metric by its key, but for the objectives of the user, see `metric_of`."""


def metric_of(key: str) -> Metric:
    """The metric of a key: an entry of `METRICS`, or the mean of an objective of the user, "objective_<name>".

    Args:
        key: its name in logs, metrics.csv and report.json.

    Raises:
        InputError: an unknown key.
    """
    if key in METRICS:
        return METRICS[key]
    name = name_of_log(key)
    if name is None:
        raise InputError(f"`key` must be a metric in `METRICS`, or begin with 'objective_'. Received: {key!r}")
    return Metric(
        key,
        f"objective {name}",
        "",
        "higher",
        f"Mean over sampled sequences of the value that the objective {name!r} gives to them.",
    )
