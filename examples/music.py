"""Trains on a folder or zip of MIDI files, and writes tunes: python examples/music.py nottingham.zip tunes

Needs the extra `music`.
"""

import sys

import keras

import seqgan_tf as sg

data, output = sys.argv[1:]
corpus = sg.MusicCorpus(data, tracks="melody", bars=4)
for note in corpus.notes:
    print(note)
generator = sg.Generator(
    corpus.vocabulary_size,
    embedding_dim=64,
    hidden_dim=128,
    cell="gru",
    dropout=0.3,
    embedding_range=0.3,
    end_token_id=corpus.end_token_id,
    seed=1,
)
generator.start_from_frequencies(corpus.train_token_ids)
discriminator = sg.RecurrentDiscriminator(corpus.vocabulary_size, corpus.sequence_length, hidden_dim=64, seed=1)
gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(num_rollouts=2, stride=16), discriminator_steps=5)
gan.compile(
    generator_optimizer=keras.optimizers.Adam(1e-4, global_clipnorm=1.0),
    discriminator_optimizer=keras.optimizers.Adam(1e-3),
    pretrain_optimizer=keras.optimizers.Adam(5e-3, global_clipnorm=1.0),
)
held_out = corpus.held_out_token_ids


def report(name: str) -> None:
    """Prints metrics of new tunes, as many as are held out."""
    samples = gan.generate(len(held_out), seed=1)
    bleu = sg.metrics.bleu(samples, held_out, max_n=4).bleu
    found = {f"BLEU-{n}": bleu[n] for n in (2, 3, 4)}
    found |= sg.metrics.music_metrics(corpus.tokenizer.tunes(samples), corpus.tokenizer.tunes(held_out))
    values = ", ".join(f"{key} {value:.3f}" for key, value in found.items())
    print(f"{name}: NLL-test {sg.negative_log_likelihood(generator, held_out):.3f} nats per token, {values}")


gan.pretrain_generator(corpus.train, epochs=10, validation_data=corpus.validation, patience=1)
report("maximum likelihood")
gan.pretrain_discriminator(corpus.train, steps=100)
gan.fit(corpus.train, epochs=1, steps_per_epoch=10)
report("after 10 adversarial rounds")
tunes = gan.generate(10, seed=2)
for path, line in zip(corpus.tokenizer.write(tunes, output), corpus.decode(tunes), strict=True):
    print(f"{path}: {line}")
gan.save("music.keras")
