"""Which discriminator has most to teach the generator of a run, by its held-out gain: a table.

    python tests/benchmarks/discriminators.py RUN [--steps 4000] [--batch 128]

RUN is a run on an oracle, or on text without conditions, that has finished the pre-training of its generator. Every
discriminator is trained from its start against samples of this generator, which stays as it is. The gain is in nats
per sequence, on 5,000 held-out sequences and on as many training sequences, each against 5,000 new samples. On an
oracle the last row is of a discriminator whose real sequences the generator has not seen, which bounds what
cross-fitting can bring.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import seqgan_tf as sg
from seqgan_tf.core.generation import generate
from seqgan_tf.core.optimizers import adam
from seqgan_tf.metrics.calibration import discriminator_health
from seqgan_tf.metrics.held_out import discriminator_logits

COUNT = 5_000
UNSEEN = "n-gram, decay 0.3, sequences that G has not seen"


def variants(generator, length):
    """{name: (discriminator, optimizer)}."""
    vocabulary, size = generator.vocabulary_size, generator.embedding_dim

    def started(discriminator):
        discriminator.copy_embedding(generator, discriminator.embedding_range / np.sqrt(3))
        return discriminator

    def ngram(**settings):
        return sg.NgramDiscriminator(vocabulary, length, size, seed=1, **settings)

    def recurrent(**settings):
        return sg.RecurrentDiscriminator(vocabulary, length, size, hidden_dim=64, seed=1, **settings)

    def small():
        return sg.Discriminator(vocabulary, length, size, widths=[1, 2, 3], filters=[100, 200, 200], seed=1)

    return {
        "the paper's CNN": (sg.Discriminator(vocabulary, length, seed=1), adam(1e-4)),
        "CNN, widths 1 to 3": (small(), adam(1e-3)),
        "CNN, widths 1 to 3, decay 0.3": (small(), adam(3e-3, 0.3)),
        "CNN, widths 1 to 3, G's embedding, decay 0.3": (started(small()), adam(3e-3, 0.3)),
        "GRU": (recurrent(), adam(1e-3)),
        "GRU, G's embedding, decay 0.3": (started(recurrent()), adam(3e-3, 0.3)),
        "n-gram, decay 0.3": (ngram(), adam(1e-2, 0.3)),
        "n-gram, G's embedding": (started(ngram()), adam(1e-2)),
        "n-gram, G's embedding, decay 0.1": (started(ngram()), adam(1e-2, 0.1)),
        "n-gram, G's embedding, decay 0.3": (started(ngram()), adam(1e-2, 0.3)),
        "n-gram, G's embedding, decay 1": (started(ngram()), adam(1e-2, 1.0)),
        "n-gram, G's embedding, decay 0.3, pairs at distance 1": (started(ngram(distances=1)), adam(1e-2, 0.3)),
        "n-gram, G's embedding, decay 0.3, pairs at distance 1 to 6": (started(ngram(distances=6)), adam(1e-2, 0.3)),
        "n-gram, decay 0.3, three members": (ngram(members=3), adam(1e-2, 0.3)),
        UNSEEN: (ngram(), adam(1e-2, 0.3)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--only", help="a part of the names of the discriminators")
    arguments = parser.parse_args()
    run = sg.load_run(arguments.run)
    run.state().restore(pretrained=True)
    generator, corpus = run.gan.generator, run.corpus
    held_out = corpus.held_out_token_ids[:COUNT]
    fresh = run.gan.generate(COUNT, seed=1)
    print("| discriminator | held-out gain | AUC | gain on training sequences | processor time |")
    print("| --- | --- | --- | --- | --- |")
    length = run.gan.discriminator.sequence_length
    for name, (discriminator, optimizer) in variants(generator, length).items():
        if arguments.only and arguments.only not in name:
            continue
        real = corpus.train_token_ids
        if name == UNSEEN:
            if run.oracle is None:
                continue
            real = generate(run.oracle, len(real), length, seed=len(real))
        started = time.process_time()
        gan = sg.SeqGAN(generator, discriminator, sg.TerminalReward(), batch_size=arguments.batch)
        gan.compile("adam", optimizer)
        gan.pretrain_discriminator(real, steps=arguments.steps, verbose=0)
        seconds = time.process_time() - started
        logits = [discriminator_logits(discriminator, part) for part in (held_out, real[:COUNT], fresh)]
        held, trained = (discriminator_health(part, logits[2]) for part in logits[:2])
        print(f"| {name} | {held.gain:.2f} | {held.auc:.2f} | {trained.gain:.2f} | {seconds:.0f} s |", flush=True)


if __name__ == "__main__":
    main()
