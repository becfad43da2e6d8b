"""Trains on the lines of a text file, characters as tokens: python examples/poems.py poems.txt"""

import sys

import keras

import seqgan_tf as sg

corpus = sg.TextCorpus.from_file(sys.argv[1], level="char")
generator = sg.Generator(
    corpus.vocabulary_size,
    embedding_dim=64,
    hidden_dim=128,
    dropout=0.2,
    end_token_id=corpus.end_token_id,
    seed=1,
)
discriminator = sg.Discriminator(corpus.vocabulary_size, corpus.sequence_length, seed=1)
gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(num_rollouts=4, update_rate=0.8))
gan.compile(
    generator_optimizer=keras.optimizers.Adam(1e-4, global_clipnorm=5.0),
    discriminator_optimizer=keras.optimizers.Adam(1e-4),
    pretrain_optimizer=keras.optimizers.Adam(5e-3),
)

gan.pretrain_generator(corpus.train, epochs=15, validation_data=corpus.validation)
gan.pretrain_discriminator(corpus.train, steps=200)
gan.fit(corpus.train, epochs=4, validation_data=corpus.validation, callbacks=[sg.callbacks.SampleLogger(corpus)])

for poem in corpus.decode(gan.generate(5, seed=1, temperature=0.9, suppress_tokens=[corpus.unknown_token_id])):
    print(poem)
gan.save("poems.keras")
