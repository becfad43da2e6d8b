"""The synthetic experiment of the paper (Yu et al., 2017, table 1): random, maximum likelihood, PG-BLEU and SeqGAN.

    python examples/reproduce_paper.py --oracle-weights target_params.npz --seeds 0 1 2 --output table.md

writes a table of our numbers and the paper's, with NLL-test, which the paper does not report. The defaults take six
minutes per seed on two CPU cores. `--epochs 120 --discriminator-steps 46800 --rounds 200 --num-rollouts 16
--round-discriminator-steps 4680 --learning-rate 0.01` is the authors' schedule. Without `--oracle-weights` the oracle
is a random one of the same size, and the paper's numbers do not apply to it.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tyro

import seqgan_tf as sg

PAPER = {"random": "10.310", "maximum likelihood": "9.038", "PG-BLEU": "8.946", "SeqGAN": "8.736"}


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


def train(
    corpus: sg.OracleCorpus,
    oracle: sg.Oracle,
    seed: int,
    epochs: int,
    discriminator_steps: int,
    rounds: int,
    round_discriminator_steps: int,
    num_rollouts: int,
    rate: float,
) -> dict[str, tuple[float, float]]:
    """One seed: {method: (NLL-test, NLL-oracle)}, nats per token."""
    # The authors' generator: 32 units, every weight from N(0, 0.1), start token 0.
    generator = sg.Generator(
        corpus.vocabulary_size,
        32,
        32,
        start_token_id=0,
        initializer_stddev=0.1,
        end_token_id=corpus.end_token_id,
        seed=seed,
    )
    rollout = sg.MonteCarloRollout(num_rollouts, reward="probability")
    results, pretrained = {}, None
    for method, estimator, d_pretraining, d_steps in (
        ("PG-BLEU", BleuReward(corpus.train_token_ids), 0, 1),
        ("SeqGAN", rollout, discriminator_steps, round_discriminator_steps),
    ):
        discriminator = sg.Discriminator(corpus.vocabulary_size, corpus.sequence_length, embedding_range=1.0, seed=seed)
        gan = sg.SeqGAN(generator, discriminator, estimator, discriminator_steps=d_steps, baseline="none", seed=seed)
        gan.compile(
            generator_optimizer=keras.optimizers.Adam(rate, global_clipnorm=5.0),
            discriminator_optimizer=keras.optimizers.Adam(1e-4),
            pretrain_optimizer=keras.optimizers.Adam(1e-2, global_clipnorm=5.0),
        )

        def measure(name: str, gan: sg.SeqGAN = gan) -> None:
            nll_test = sg.negative_log_likelihood(generator, corpus.test_token_ids)
            nll_oracle = sg.negative_log_likelihood(oracle, gan.generate(5_000, seed=1))
            print(f"seed {seed}, {name}: NLL-test {nll_test:.3f}, NLL-oracle {nll_oracle:.3f}", file=sys.stderr)
            results[name] = nll_test, nll_oracle

        if pretrained is None:
            measure("random")
            gan.pretrain_generator(corpus.train, epochs=epochs, verbose=0)
            measure("maximum likelihood")
            pretrained = generator.get_weights()
        generator.set_weights(pretrained)
        if d_pretraining:
            gan.pretrain_discriminator(corpus.train, steps=d_pretraining, verbose=0)
        gan.fit(corpus.train, epochs=1, steps_per_epoch=rounds, verbose=0)
        measure(method)
    return results


def main(
    oracle_weights: Path | None = None,
    seeds: tuple[int, ...] = (0,),
    output: Path | None = None,
    epochs: int = 20,
    discriminator_steps: int = 300,
    rounds: int = 15,
    round_discriminator_steps: int = 10,
    num_rollouts: int = 4,
    learning_rate: float = 2e-2,
    num_train: int = 10_000,
) -> None:
    """Writes the table of the paper: our means and standard deviations over the seeds, and the paper's numbers."""
    oracle = sg.Oracle.from_npz(oracle_weights) if oracle_weights else sg.Oracle(seed=0)
    schedule = epochs, discriminator_steps, rounds, round_discriminator_steps, num_rollouts, learning_rate
    runs = [train(sg.OracleCorpus(oracle, num_train=num_train, seed=seed), oracle, seed, *schedule) for seed in seeds]
    lines = ["| method | NLL-test | NLL-oracle | the paper's NLL-oracle |", "| --- | --- | --- | --- |"]
    for method, paper in PAPER.items():
        means, deviations = (f([run[method] for run in runs], axis=0) for f in (np.mean, np.std))
        cells = [f"{mean:.3f} ({deviation:.3f})" for mean, deviation in zip(means, deviations, strict=True)]
        lines.append(f"| {method} | {' | '.join(cells)} | {paper if oracle_weights else '-'} |")
    lines += [
        "",
        f"Nats per token; mean (standard deviation) over {len(seeds)} seeds; 5,000 held-out sequences, 5,000 samples.",
    ]
    print("\n".join(lines))
    if output:
        output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    tyro.cli(main)
