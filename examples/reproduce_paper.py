"""The experiments of the paper (Yu et al., 2017): table 1 on an oracle, and its three kinds of real data.

    python examples/reproduce_paper.py --oracle-weights target_params.npz --seeds 0 1 2 --output table.md
    python examples/reproduce_paper.py --experiment poems --data quatrains.txt --seeds 0 1 2
    python examples/reproduce_paper.py --experiment music --data nottingham.zip --seeds 0 1 2

writes a table of our numbers and the paper's, with NLL-test, which the paper does not report. A line of a text file is
a sequence: the characters of a poem, or the words of a speech. Music is a folder or zip of MIDI files; as in the paper,
a sequence is 32 pitches of the melody, one for every 0.4 seconds (extra `music`). On the oracle
the defaults take six minutes per seed on two CPU cores. `--epochs 120 --discriminator-steps 46800 --rounds 200
--num-rollouts 16 --round-discriminator-steps 4680 --learning-rate 0.01` is the authors' schedule. Without
`--oracle-weights` the oracle is a random one of the same size, and the paper's numbers do not apply to it.
"""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
import tyro

import seqgan_tf as sg

RANDOM, MLE, PG_BLEU, SEQGAN = "random", "maximum likelihood", "PG-BLEU", "SeqGAN"
NLL_TEST = "NLL-test"
PAPER: dict[str, dict[str, dict[str, str]]] = {  # by experiment, metric and method
    "oracle": {"NLL-oracle": {RANDOM: "10.310", MLE: "9.038", PG_BLEU: "8.946", SEQGAN: "8.736"}},
    "poems": {"BLEU-2": {MLE: "0.6670", SEQGAN: "0.7389"}},
    "speech": {"BLEU-3": {MLE: "0.519", SEQGAN: "0.556"}, "BLEU-4": {MLE: "0.416", SEQGAN: "0.427"}},
    "music": {"BLEU-4": {MLE: "0.9210", SEQGAN: "0.9406"}},
}
LEVELS = {"poems": "char", "speech": "word"}
FILES = {"poems": "a text file", "speech": "a text file", "music": "a folder or zip of MIDI files"}
Measures = dict[str, Callable[[sg.SeqGAN], float]]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What differs between the oracle, where it is the authors', and real data."""

    generator: dict[str, Any]
    embedding_range: float
    baseline: str
    pretrain_rate: float
    discriminator_rate: float
    learning_rate: float
    epochs: int
    patience: int | None
    rounds: int


AUTHORS_GENERATOR = {"embedding_dim": 32, "hidden_dim": 32, "start_token_id": 0, "initializer_stddev": 0.1}
ORACLE = Setting(AUTHORS_GENERATOR, 1.0, "none", 1e-2, 1e-4, 2e-2, epochs=20, patience=None, rounds=15)
REAL_GENERATOR = {"embedding_dim": 64, "hidden_dim": 128, "dropout": 0.3}
REAL = Setting(REAL_GENERATOR, 0.2, "batch_mean", 5e-3, 1e-3, 1e-3, epochs=40, patience=2, rounds=40)


class BleuReward:
    """Policy gradient on BLEU: every token gets the sentence BLEU of its sequence against the training sequences.

    This is an unbiased estimate of every token's action value.
    """

    def __init__(self, references: np.ndarray, order: int = 2) -> None:
        self.references, self.order = references, order

    def estimate(self, token_ids: tf.Tensor, generator: object, discriminator: object, seed: object) -> tf.Tensor:
        """Rewards float32 [B, T] of token_ids [B, T]; the other arguments are not used."""
        scores = tf.numpy_function(self.score, [token_ids], tf.float32)
        return tf.ensure_shape(scores, token_ids.shape[:1])[:, tf.newaxis] * sg.sequences.mask(token_ids)

    def score(self, token_ids: np.ndarray) -> np.ndarray:
        """Sentence BLEU of each sequence, float32 [B]."""
        return sg.metrics.bleu(token_ids, self.references, self.order).sentences[self.order].astype(np.float32)


def oracle_data(oracle: sg.Oracle, num_train: int, seed: int) -> tuple[Any, Measures]:
    """Sequences of the oracle, and NLL-oracle of 5,000 samples."""
    corpus = sg.OracleCorpus(oracle, num_train=num_train, seed=seed)
    return corpus, {"NLL-oracle": lambda gan: sg.negative_log_likelihood(oracle, gan.generate(5_000, seed=1))}


def real_data(experiment: str, data: Path, seed: int) -> tuple[Any, Measures]:
    """The corpus of a file, and BLEU of 2,000 samples against all held-out sequences."""
    if experiment == "music":
        corpus: Any = sg.MusicCorpus(data, encoding="pitches", tracks="melody", seed=seed)
    else:
        lines = data.read_text(encoding="utf-8").splitlines()
        if experiment == "poems":  # without punctuation, as the paper's
            lines = ["".join(character for character in line if character.isalnum()) for line in lines]
        corpus = sg.TextCorpus(lines, level=LEVELS[experiment], seed=seed)

    def bleu(order: int) -> Callable[[sg.SeqGAN], float]:
        return lambda gan: sg.metrics.bleu(gan.generate(2_000, seed=1), corpus.held_out_token_ids, order).bleu[order]

    return corpus, {metric: bleu(int(metric[-1])) for metric in PAPER[experiment]}


def train(
    setting: Setting,
    corpus: Any,
    measures: Measures,
    methods: tuple[str, ...],
    seed: int,
    discriminator_steps: int,
    round_discriminator_steps: int,
    num_rollouts: int,
) -> dict[str, dict[str, float]]:
    """One seed: {method: {metric: value}}, with NLL-test in nats per token."""
    generator = sg.Generator(corpus.vocabulary_size, **setting.generator, end_token_id=corpus.end_token_id, seed=seed)
    parts = {
        PG_BLEU: (BleuReward(corpus.train_token_ids), 0, 1),
        SEQGAN: (
            sg.MonteCarloRollout(num_rollouts, reward="probability"),
            discriminator_steps,
            round_discriminator_steps,
        ),
    }
    results: dict[str, dict[str, float]] = {}
    pretrained = None
    for method, (estimator, d_pretraining, d_steps) in parts.items():
        if method not in methods:
            continue
        discriminator = sg.Discriminator(
            corpus.vocabulary_size, corpus.sequence_length, embedding_range=setting.embedding_range, seed=seed
        )
        networks = generator, discriminator, estimator
        gan = sg.SeqGAN(*networks, discriminator_steps=d_steps, baseline=setting.baseline, seed=seed)
        gan.compile(
            generator_optimizer=keras.optimizers.Adam(setting.learning_rate, global_clipnorm=5.0),
            discriminator_optimizer=keras.optimizers.Adam(setting.discriminator_rate),
            pretrain_optimizer=keras.optimizers.Adam(setting.pretrain_rate, global_clipnorm=5.0),
        )

        def measure(name: str, gan: sg.SeqGAN = gan) -> None:
            found = {NLL_TEST: sg.negative_log_likelihood(generator, corpus.held_out_token_ids)}
            results[name] = found | {metric: value(gan) for metric, value in measures.items()}
            values = ", ".join(f"{metric} {value:.3f}" for metric, value in results[name].items())
            print(f"seed {seed}, {name}: {values}", file=sys.stderr)

        if pretrained is None:
            measure(RANDOM)
            validation = corpus.validation if setting.patience else None
            gan.pretrain_generator(
                corpus.train, setting.epochs, validation_data=validation, patience=setting.patience, verbose=0
            )
            measure(MLE)
            pretrained = generator.get_weights()
        generator.set_weights(pretrained)
        if d_pretraining:
            gan.pretrain_discriminator(corpus.train, steps=d_pretraining, verbose=0)
        gan.fit(corpus.train, epochs=1, steps_per_epoch=setting.rounds, verbose=0)
        measure(method)
    return results


def main(
    experiment: Literal["oracle", "poems", "speech", "music"] = "oracle",
    data: Path | None = None,
    oracle_weights: Path | None = None,
    seeds: tuple[int, ...] = (0,),
    output: Path | None = None,
    epochs: int | None = None,
    discriminator_steps: int = 300,
    rounds: int | None = None,
    round_discriminator_steps: int = 10,
    num_rollouts: int = 4,
    learning_rate: float | None = None,
    num_train: int = 10_000,
) -> None:
    """Writes the table of the paper: our means and standard deviations over the seeds, and the paper's numbers."""
    given = {"epochs": epochs, "rounds": rounds, "learning_rate": learning_rate}
    given = {name: value for name, value in given.items() if value is not None}
    schedule = discriminator_steps, round_discriminator_steps, num_rollouts
    paper, runs = PAPER[experiment], []
    metrics = [NLL_TEST, *paper]
    setting = dataclasses.replace(ORACLE if experiment == "oracle" else REAL, **given)
    if experiment == "oracle":
        oracle = sg.Oracle.from_npz(oracle_weights) if oracle_weights else sg.Oracle(seed=0)
        methods, size = (RANDOM, MLE, PG_BLEU, SEQGAN), "5,000 held-out sequences, 5,000"
    elif data is None:
        sys.exit(f"--experiment {experiment} needs --data, {FILES[experiment]}. Received: none")
    else:
        methods, size = (MLE, SEQGAN), "the held-out tenth, 2,000"
    for seed in seeds:
        source = oracle_data(oracle, num_train, seed) if experiment == "oracle" else real_data(experiment, data, seed)
        runs.append(train(setting, *source, methods, seed, *schedule))
    columns = [*metrics, *(f"the paper's {metric}" for metric in paper)]
    table = [f"| method | {' | '.join(columns)} |", "| --- " * (len(columns) + 1) + "|"]
    for method in methods:
        values = np.array([[run[method][metric] for metric in metrics] for run in runs])
        cells = [f"{mean:.3f} ({deviation:.3f})" for mean, deviation in zip(values.mean(0), values.std(0), strict=True)]
        is_paper = experiment != "oracle" or oracle_weights
        cells += [paper[metric].get(method, "-") if is_paper else "-" for metric in paper]
        table.append(f"| {method} | {' | '.join(cells)} |")
    note = f"NLL in nats per token; mean (standard deviation) over {len(seeds)} seeds; {size} samples."
    text = "\n".join([*table, "", note])
    print(text)
    if output:
        output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    tyro.cli(main)
