"""Trains on the functions of Python files: python examples/source_code.py [FOLDER]

The folder is by default that of the standard library. Functions of more than 63 byte pairs are left out. Printed are
the share of samples that parse, the likelihood of the functions of held-out files, and the share of copies.
"""

import sys
import sysconfig

import keras

import seqgan_tf as sg

folder = sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_paths()["stdlib"]
corpus = sg.CodeCorpus.from_file(folder, vocabulary_size=1000, sequence_length=64, seed=1)
print(f"{len(corpus.train_token_ids)} functions, {len(corpus.held_out_token_ids)} held out")
for note in corpus.notes:
    print(note)

generator = sg.Generator(
    corpus.vocabulary_size,
    embedding_dim=128,
    hidden_dim=256,
    cell="gru",
    dropout=0.2,
    embedding_range=0.3,
    end_token_id=corpus.end_token_id,
    seed=1,
)
generator.start_from_frequencies(corpus.train_token_ids)
discriminator = sg.Discriminator(
    corpus.vocabulary_size, corpus.sequence_length, widths=[1, 2, 3, 4, 5], filters=[64] * 5, seed=1
)
gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(num_rollouts=2, stride=8), discriminator_steps=5)
gan.compile(
    generator_optimizer=keras.optimizers.Adam(1e-4, global_clipnorm=5.0),
    discriminator_optimizer=keras.optimizers.Adam(1e-3),
    pretrain_optimizer=keras.optimizers.Adam(3e-3, global_clipnorm=5.0),
)


def report(name: str) -> None:
    """Prints the metrics of the generator."""
    samples, held_out = gan.generate(1000, seed=1), corpus.held_out_token_ids
    parsed = sg.metrics.parse_share(corpus.decode(samples)).share
    copied = sg.metrics.share_copied(samples, corpus.train_token_ids).share
    nll = sg.negative_log_likelihood(generator, held_out)
    print(f"{name}: share parsed {parsed:.3f}, NLL-test {nll:.3f} nats per token, share copied {copied:.3f}")


print(f"real functions: share parsed {sg.metrics.parse_share(corpus.decode(corpus.held_out_token_ids)).share:.3f}")
report("untrained")
gan.pretrain_generator(corpus.train_by_length, epochs=4, validation_data=corpus.validation, patience=1)
report("maximum likelihood")
gan.pretrain_discriminator(corpus.train, steps=300)
gan.fit(corpus.train, epochs=1, steps_per_epoch=10)
report("after 10 adversarial rounds")
for function in corpus.decode(gan.generate(3, seed=2, temperature=0.7)):
    print(f"# %%\n{function}")
gan.save("functions.keras")
