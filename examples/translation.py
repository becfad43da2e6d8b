"""Trains a translator on two files side by side: python examples/translation.py train.de train.en test.de test.en

Line i of the second file is the translation of line i of the first. The other two files are used for the test alone.
"""

import sys
from pathlib import Path

import keras

import seqgan_tf as sg

sources, targets, test_sources, test_targets = (Path(name).read_text("utf-8").splitlines() for name in sys.argv[1:])
corpus = sg.PairCorpus(sources, targets, test=(test_sources, test_targets), batch_size=96, validation_split=0.03)
for note in corpus.notes:
    print(note)


def encoder(seed: int) -> keras.Model:
    """A new encoder of source sentences."""
    vocabulary_size = corpus.conditions.vocabulary_size
    return sg.SequenceEncoder(vocabulary_size, embedding_dim=256, hidden_dim=128, dropout=0.3, seed=seed)


generator = sg.Generator(
    corpus.vocabulary_size,
    embedding_dim=256,
    hidden_dim=256,
    cell="gru",
    dropout=0.3,
    embedding_range=0.3,
    end_token_id=corpus.end_token_id,
    encoder=encoder(1),
    attention="luong",
    seed=1,
)
generator.start_from_frequencies(corpus.train_token_ids)
discriminator = sg.RecurrentDiscriminator(
    corpus.vocabulary_size, corpus.sequence_length, embedding_dim=128, hidden_dim=128, encoder=encoder(2), seed=1
)
rollout = sg.MonteCarloRollout(num_rollouts=2, stride=2)
gan = sg.SeqGAN(generator, discriminator, rollout, batch_size=96, discriminator_steps=5)
gan.compile(
    generator_optimizer=keras.optimizers.Adam(1e-4, global_clipnorm=1.0),
    discriminator_optimizer=keras.optimizers.Adam(1e-3),
    pretrain_optimizer=keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
)


def report(name: str) -> None:
    """Prints the scores of the test sentences, and the first of them."""
    data = (corpus.held_out_condition, corpus.held_out_token_ids)
    settings = {"condition": corpus.held_out_condition, "suppress_tokens": [corpus.unknown_token_id]}
    texts = corpus.decode(gan.generate(num_beams=4, batch_size=250, **settings))
    bleu = sg.metrics.corpus_bleu(texts, list(corpus.held_out_texts))
    nll = sg.negative_log_likelihood(generator, data)
    print(f"{name}: sacreBLEU {bleu.value:.1f} ({bleu.signature}), NLL-test {nll:.3f} nats per token")
    for source, text in list(zip(corpus.held_out_given, texts, strict=True))[:3]:
        print(f"  {source} -> {text}")


gan.pretrain_generator(corpus.train_by_length, epochs=7, validation_data=corpus.validation, patience=1)
report("maximum likelihood")
gan.pretrain_discriminator(corpus.train, steps=400)
gan.fit(corpus.train, epochs=1, steps_per_epoch=10)
report("after 10 adversarial rounds")
gan.save("translator.keras")
