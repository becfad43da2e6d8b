"""The paper's synthetic experiment in short: an oracle generates the data, so the exact likelihoods are known."""

import keras

import seqgan_tf as sg

oracle = sg.Oracle(seed=0)
corpus = sg.OracleCorpus(oracle, sequence_length=20)

generator = sg.Generator(corpus.vocabulary_size, embedding_dim=32, hidden_dim=32, start_token_id=0, seed=1)
discriminator = sg.Discriminator(corpus.vocabulary_size, corpus.sequence_length, seed=1)
gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(num_rollouts=4), discriminator_steps=15)
gan.compile(
    generator_optimizer=keras.optimizers.Adam(1e-3, global_clipnorm=5.0),
    discriminator_optimizer=keras.optimizers.Adam(1e-4),
    pretrain_optimizer=keras.optimizers.Adam(1e-2),
)


def report(phase: str) -> None:
    """Prints the likelihoods of the generator as it is."""
    nll_test = sg.negative_log_likelihood(generator, corpus.test_token_ids)
    nll_oracle = sg.negative_log_likelihood(oracle, gan.generate(5000, seed=1))
    print(f"{phase}: NLL-test {nll_test:.3f}, NLL-oracle {nll_oracle:.3f} nats per token")


report("untrained")
gan.pretrain_generator(corpus.train, epochs=20, validation_data=corpus.validation)
report("maximum likelihood")
gan.pretrain_discriminator(corpus.train, steps=300)
gan.fit(corpus.train, epochs=20, steps_per_epoch=1)
report("after 20 adversarial rounds")
