"""Estimators and ways to generate, where all is known: PYTHONPATH=tests/support python tests/benchmarks/search.py

Vocabulary 4, length 5: all 1,024 sequences can be enumerated, so that the exact values, the exact policy gradient and
the exact divergences are known. A small LSTM is trained on sequences of an oracle, a discriminator against it. Then:

1. the three estimators at nearly as many sequences that D scores: error of the values, variance and bias of the policy
   gradient, processor time;
2. the ways to generate: divergences from the oracle, diversity, processor time;
3. resampling with the weights of whole sequences, and with weights of prefixes from roll-outs, in NumPy.

Each table is Markdown. Divergences are in nats, of the shares of the samples. For KL(real, Q) one half is added to the
count of each sequence (Krichevsky and Trofimov, 1981). The row "real sequences" shows what is left of both for samples
of the oracle itself.
"""

import argparse
import time

import keras
import numpy as np
import tensorflow as tf
from exact import all_sequences, index_of, sequence_probabilities
from variance import gradient

import seqgan_tf as sg
from seqgan_tf.core import losses
from seqgan_tf.core.generation import generate

V, T, CLIP = 4, 5, 3.0
HALF = 0.5  # added to the number of samples of each sequence, where one without a sample would make KL infinite
ESTIMATORS = {
    "roll-out, N = 4": (64, sg.MonteCarloRollout(4)),
    "tree, 4 simulations": (64, sg.MonteCarloTreeSearch(4, num_actions=V)),
    "roll-out, N = 16": (64, sg.MonteCarloRollout(16)),
    "tree, 16 simulations": (64, sg.MonteCarloTreeSearch(16, num_actions=V)),
    "terminal, 1,088 sequences": (1_088, sg.TerminalReward()),
    "terminal, 4,160 sequences": (4_160, sg.TerminalReward()),
}
"""Sequences per gradient, and the estimator."""
WAYS = {
    "sample": {},
    "sample, temperature 0.7": {"temperature": 0.7},
    "resample, 4 particles": {"strategy": "resample", "particles": 4},
    "resample, 16 particles": {"strategy": "resample", "particles": 16},
    "resample, 64 particles": {"strategy": "resample", "particles": 64},
    "mcts, 16 simulations": {"strategy": "mcts", "simulations": 16},
    "mcts, 64 simulations": {"strategy": "mcts", "simulations": 64},
}


def setting(likelihood_sequences, discriminator_steps):
    """(oracle, trained SeqGAN)."""
    oracle = sg.Oracle(V, 8, 8, seed=5)
    real = generate(oracle, 20_000, T, 1)
    generator = sg.Generator(V, 8, 16, seed=1)
    discriminator = sg.Discriminator(V, T, 8, widths=[1, 2, 3, 4, 5], filters=[16] * 5, seed=1)
    gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(4), batch_size=64, seed=1)
    gan.compile(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(3e-3))
    gan.pretrain_generator(real[:likelihood_sequences], epochs=1, verbose=0)
    gan.pretrain_discriminator(real, steps=discriminator_steps, verbose=0)
    return oracle, gan


def kl(p, q):
    """KL(p || q) in nats."""
    some = p > 0
    return float((p[some] * np.log(p[some] / q[some])).sum())


def entropy(p):
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def prefix_means(values, p):
    """The mean value of the completions of each prefix of 1 to T tokens: a list of arrays [V^t]."""
    return [(p * values).reshape(V**t, -1).sum(axis=1) / p.reshape(V**t, -1).sum(axis=1) for t in range(1, T + 1)]


def exact_gradient(gan, sequences, p, values):
    """The gradient of -E r(Y), by enumeration."""
    with tf.GradientTape() as tape:
        log_probs = losses.token_log_probs(gan.generator(sequences, training=False), sequences)
        loss = -tf.reduce_sum(tf.constant(p * values, tf.float32) * tf.reduce_sum(log_probs, axis=1))
    parts = tape.gradient(loss, [v.value for v in gan.generator.trainable_variables])
    return np.concatenate([np.reshape(tf.convert_to_tensor(part), -1) for part in parts])


def estimators(gan, sequences, p, values, repetitions):
    """Prints the table of the estimators."""
    expected, means = exact_gradient(gan, sequences, p, values), prefix_means(values, p)
    print("\n| estimator | scored by D | error of the values | variance | bias | processor time |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (batch_size, estimator) in ESTIMATORS.items():
        token_ids = tf.constant(generate(gan.generator, batch_size, T, 7))
        estimate = tf.function(estimator.estimate)
        found = np.mean(
            [estimate(token_ids, gan.generator, gan.discriminator, tf.constant([i, 3])) for i in range(30)], axis=0
        )
        index = index_of(token_ids.numpy(), sequences)
        exact = np.stack([means[t][index // V ** (T - 1 - t)] for t in range(T)], axis=1)
        error = (found - exact)[:, :-1].mean()  # the last token has its own sequence's reward in all three
        one = gradient(gan, batch_size, estimator)
        one(tf.constant([0, 0])).numpy()
        start, gradients = time.process_time(), []
        for i in range(repetitions):
            gradients.append(one(tf.constant([1 + i, 0])).numpy())
        seconds = (time.process_time() - start) / repetitions
        gradients = np.array(gradients, np.float64)
        variance = gradients.var(axis=0, ddof=1).sum()
        # Without the part of the squared distance that is due to the noise of the mean.
        squared = ((gradients.mean(axis=0) - expected) ** 2).sum() - variance / repetitions
        bias = np.sqrt(max(squared, 0.0) / (expected**2).sum())
        completions = getattr(estimator, "num_rollouts", getattr(estimator, "simulations", 0))
        scored = batch_size * (1 + completions * (T - 1))
        print(
            f"| {name} | {scored:,} | {error:+.3f} | {variance:.3g} | {bias:.0%} | {1000 * seconds:.0f} ms |",
            flush=True,
        )
    size = np.sqrt((expected**2).sum())
    print(f"\nnorm of the exact gradient {size:.4f}; bias is the distance of the mean gradient from it, in its norm")


def described(name, shares, p_real, values, missed=0.0, scored="", effective="", milliseconds=""):
    """A row of the table of ways to generate, from the share of each sequence; `missed` is added before KL(real, Q)."""
    worth, some = float(shares @ values), shares + missed
    return (
        f"| {name} | {kl(shares, p_real):.3f} | {kl(p_real, some / some.sum()):.3f} | {entropy(shares):.2f} "
        f"| {worth:+.2f} | {scored} | {effective} | {milliseconds} |"
    )


def shares_of(index, count):
    """The share of each sequence among samples."""
    return np.bincount(index, minlength=count) / len(index)


def ways(oracle, gan, sequences, p, values, p_real, rows):
    """Prints the table of the ways to generate."""
    count = len(sequences)
    weights = np.exp(values)
    target = p * weights / (p @ weights)
    columns = ("way", "KL(Q, real)", "KL(real, Q)", "entropy of Q", "mean log-odds")
    columns = (*columns, "scored by D per sequence", "effective sample size", "processor time")
    print(f"\n| {' | '.join(columns)} |\n{'| --- ' * len(columns)}|")
    print(described("generator, exact", p, p_real, values))
    print(described("G * D / (1 - D), exact", target, p_real, values))
    real = index_of(generate(oracle, rows, T, 11), sequences)
    print(described("real sequences", shares_of(real, count), p_real, values, HALF / rows))
    for name, settings in WAYS.items():
        gan.generate(2_000, seed=9, batch_size=10_000, **settings)  # compiles
        start = time.process_time()
        found = gan.generate(rows, seed=2, batch_size=10_000, return_dict=True, **settings)
        milliseconds = 1000 * (time.process_time() - start) / rows
        scored = settings.get("particles", T * settings.get("simulations", 0))
        shares = shares_of(index_of(found["token_ids"], sequences), count)
        sizes = found.get("effective_sample_size")
        effective = "" if sizes is None else f"{sizes.mean():.1f}"
        costs = (scored, effective, f"{milliseconds:.2f} ms")
        print(described(name, shares, p_real, values, HALF / rows, *costs), flush=True)


def twisted(p, weights, rows, particles, rollouts, draw):
    """Sequential Monte Carlo (Doucet et al., 2001): int [rows], with weights of prefixes from roll-outs.

    Each token is followed by resampling toward G times the mean weight of `rollouts` completions.
    """
    cumulative = np.concatenate([[0.0], np.cumsum(p)])

    def complete(prefix, depth):
        low, high = (cumulative[(prefix + i) * V ** (T - depth)] for i in (0, 1))
        found = np.searchsorted(cumulative, low + draw.random(prefix.shape) * (high - low), side="right") - 1
        return np.clip(found, prefix * V ** (T - depth), (prefix + 1) * V ** (T - depth) - 1)

    prefix, before = np.zeros([rows, particles], int), np.ones([rows, particles])
    for depth in range(1, T + 1):
        prefix = complete(prefix, depth - 1) // V ** (T - depth)
        if depth < T:
            now = np.mean([weights[complete(prefix, depth)] for _ in range(rollouts)], axis=0)
        else:
            now = weights[prefix]
        steps = np.cumsum(now / before, axis=1)
        ancestors = (draw.random([rows, particles, 1]) * steps[:, -1:, None] > steps[:, None]).sum(axis=2)
        prefix, before = np.take_along_axis(prefix, ancestors, 1), np.take_along_axis(now, ancestors, 1)
    return prefix[:, 0]


def at_the_end(p, weights, rows, particles, draw):
    """Resampling of whole sequences: int [rows]."""
    found = draw.choice(len(p), [rows, particles], p=p)
    steps = np.cumsum(weights[found], axis=1)
    chosen = (draw.random([rows, 1]) * steps[:, -1:] > steps).sum(axis=1)
    return found[np.arange(rows), chosen]


def resampling(p, values, rows):
    """Prints the table of the two ways to weight."""
    draw = np.random.default_rng(0)
    print("\n| scored by D per sequence | weights at the end | of prefixes too, 1 roll-out | 4 roll-outs |")
    print("| --- | --- | --- | --- |")
    for scale in (1.0, 2.0):
        weights = np.exp(scale * values)
        target = p * weights / (p @ weights)
        print(f"| log-odds times {scale:g} | | | |")
        for scored in (20, 80):
            found = [at_the_end(p, weights, rows, scored, draw)]
            for rollouts in (1, 4):
                particles = max(2, round(scored / (rollouts * (T - 1) + 1)))
                found.append(twisted(p, weights, rows, particles, rollouts, draw))
            cells = [f"{kl(shares_of(index, len(p)), target):.3f}" for index in found]
            print(f"| {scored} | {' | '.join(cells)} |")
    exact = draw.choice(len(p), rows, p=target)
    print(f"\nKL(Q, target) in nats; of samples of the target itself {kl(shares_of(exact, len(p)), target):.3f}")


def main():
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--likelihood-sequences", type=int, default=1_000, help="in one epoch, batches of 64")
    parser.add_argument("--discriminator-steps", type=int, default=1_000)
    parser.add_argument("--repetitions", type=int, default=100, help="gradients per estimator")
    parser.add_argument("--rows", type=int, default=10_000, help="samples per way to generate")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    oracle, gan = setting(arguments.likelihood_sequences, arguments.discriminator_steps)
    sequences = all_sequences(V, T)
    p, p_real = (sequence_probabilities(network, sequences) for network in (gan.generator, oracle))
    values = np.clip(gan.discriminator(sequences, training=False).numpy().astype(np.float64), -CLIP, CLIP)
    exact = np.log(p_real / p)
    print(f"KL(real, G) {kl(p_real, p):.3f} nats per sequence, entropy of the real sequences {entropy(p_real):.2f}")
    print(f"correlation of D's log-odds with log(real / G), over samples of G: {correlation(values, exact, p):.2f}")
    estimators(gan, sequences, p, values, arguments.repetitions)
    ways(oracle, gan, sequences, p, values, p_real, arguments.rows)
    resampling(p, values, arguments.rows)


def correlation(x, y, p):
    x, y = x - p @ x, y - p @ y
    return float((p @ (x * y)) / np.sqrt((p @ x**2) * (p @ y**2)))


if __name__ == "__main__":
    main()
