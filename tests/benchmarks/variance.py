"""Variance of the policy gradient against its time: python tests/benchmarks/variance.py RUN [--plot FILE.png]

At the end of the pre-training of a run: three ways to pay for a better gradient, namely more roll-outs a prefix, more
sequences with one roll-out each, and more sequences without roll-outs, whose tokens all take the sequence's own reward.
All of them are unbiased. The variance is the trace of the covariance, over gradients from independent seeds.
"""

import argparse
import time

import numpy as np
import tensorflow as tf

from seqgan_tf.core import losses, sampling, seeds
from seqgan_tf.core.sequences import mask
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.runs.directory import open_run

WAYS = {
    "64 sequences, N = 1, 2, 4, 8, 16 roll-outs": [(64, n, 1) for n in (1, 2, 4, 8, 16)],
    "64, 128, 256, 512 sequences, N = 1": [(b, 1, 1) for b in (64, 128, 256, 512)],
    "256, 1,024, 4,096 sequences, no roll-outs": [(b, 1, None) for b in (256, 1_024, 4_096)],
}


def gradient(gan, batch_size, estimator):
    """Compiled function of a seed: the policy gradient with a leave-one-out baseline, as one vector."""
    generator, length = gan.generator, gan.discriminator.sequence_length

    @tf.function
    def estimate(seed):
        draw_seed, reward_seed = tf.unstack(seeds.split(seed, 2))
        token_ids = sampling.sample(generator, batch_size, length, draw_seed)
        rewards = estimator.estimate(token_ids, generator, gan.discriminator, reward_seed)
        token_mask = mask(token_ids)
        advantages = rewards - losses.leave_one_out_baseline(rewards, token_mask)
        with tf.GradientTape() as tape:
            log_probs = losses.token_log_probs(generator(token_ids, training=False), token_ids)
            loss = losses.policy_gradient_loss(log_probs, advantages, token_mask)
        parts = tape.gradient(loss, [v.value for v in generator.trainable_variables])
        return tf.concat([tf.reshape(tf.convert_to_tensor(part), [-1]) for part in parts], axis=0)

    return estimate


def measure(function, repetitions):
    """(trace of the covariance of a function of a seed, median seconds)."""
    function(tf.constant([0, 0])).numpy()
    found, seconds = [], []
    for i in range(repetitions):
        start = time.perf_counter()
        found.append(function(tf.constant([1 + i, 0])).numpy())
        seconds.append(time.perf_counter() - start)
    return np.var(found, axis=0, ddof=1).sum(), np.median(seconds)


def rollout_variance(gan, reward, num_sequences=16, num_rollouts=64):
    """What the completions of each prefix add to the variance of the gradient of a sequence, with one each.

    Returns:
        (variance of their reward [T - 1], the same times the squared norm of the token's gradient [T - 1]), means over
        sequences, for prefixes of 1 to T - 1 tokens.
    """
    generator, length = gan.generator, gan.discriminator.sequence_length
    token_ids = sampling.sample(generator, num_sequences, length, tf.constant([0, 0]))
    one = MonteCarloRollout(1, reward=reward)
    estimate = tf.function(lambda seed: one.estimate(token_ids, generator, gan.discriminator, seed))
    variance = np.var([estimate(tf.constant([1 + i, 0])).numpy() for i in range(num_rollouts)], axis=0, ddof=1)

    @tf.function
    def squared_norm(row, position):
        with tf.GradientTape() as tape:
            chosen = token_ids[row : row + 1]
            log_prob = losses.token_log_probs(generator(chosen, training=False), chosen)[0, position]
        parts = tape.gradient(log_prob, [v.value for v in generator.trainable_variables])
        return tf.add_n([tf.reduce_sum(tf.convert_to_tensor(part) ** 2) for part in parts])

    norms = [[squared_norm(tf.constant(b), tf.constant(t)) for t in range(length)] for b in range(num_sequences)]
    return variance.mean(axis=0)[:-1], (variance * np.array(norms)).mean(axis=0)[:-1]


def main():
    """Prints a Markdown table, and draws it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--reward", choices=["log_odds", "probability"], default="log_odds")
    parser.add_argument("--repetitions", type=int, default=24)
    parser.add_argument("--plot")
    arguments = parser.parse_args()
    run = open_run(arguments.run)
    run.restore(pretrained=True)
    by_length, weighted = rollout_variance(run.gan, arguments.reward)
    print("variance of a completion's reward, prefixes of 1, 2, ... tokens:", *(f"{v:.4f}" for v in by_length))
    # As many completions in all, each prefix's in proportion to the square root of what it adds (Neyman, 1934).
    saved = 1 - np.sqrt(weighted).sum() ** 2 / (len(weighted) * weighted.sum())
    print(f"the best allocation of as many roll-outs would reduce the variance that they add by {saved:.1%}")
    print("\n| sequences | roll-outs | variance of the gradient | median | product |\n| --- | --- | --- | --- | --- |")
    curves = {}
    for way, settings in WAYS.items():
        for batch_size, num_rollouts, stride in settings:
            rollouts = num_rollouts if stride else 0
            stride = stride or run.gan.discriminator.sequence_length
            rollout = MonteCarloRollout(num_rollouts, reward=arguments.reward, stride=stride)
            function = gradient(run.gan, batch_size, rollout)
            variance, seconds = measure(function, arguments.repetitions)
            curves.setdefault(way, []).append((seconds, variance))
            print(
                f"| {batch_size:,} | {rollouts} | {variance:.3g} | {seconds:.2f} s | {variance * seconds:.3g} |",
                flush=True,
            )
    if arguments.plot:
        plot(curves, arguments.plot)


def plot(curves, path):
    """Variance against seconds, a line a way."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for marker, (way, points) in zip("osD", curves.items(), strict=True):
        axes.plot(*zip(*points, strict=True), marker=marker, label=way)
    axes.set(xscale="log", yscale="log", xlabel="seconds a gradient", ylabel="variance of the gradient (trace)")
    for axis, ticks in ((axes.xaxis, (0.1, 0.2, 0.5, 1, 2, 5)), (axes.yaxis, (0.1, 0.2, 0.5, 1, 2, 5, 10))):
        axis.set_ticks(ticks, labels=map(str, ticks))
        axis.set_ticks([], minor=True)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
