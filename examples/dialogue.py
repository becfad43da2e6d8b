"""Trains answers in dialogues: python examples/dialogue.py train.tsv test.tsv

A line is a dialogue, with TAB between its turns. Every turn but the first is an answer to the turns before it.
"""

import sys
from pathlib import Path

import keras

import seqgan_tf as sg

train, test = ([line.split("\t") for line in Path(name).read_text("utf-8").splitlines()] for name in sys.argv[1:])
corpus = sg.DialogueCorpus.from_dialogues(train, turns=2, test=test, sequence_length=20, source_length=40)
for note in corpus.notes:
    print(note)


def encoder(seed: int) -> keras.Model:
    """A new encoder of the turns before an answer."""
    return sg.SequenceEncoder(corpus.conditions.vocabulary_size, embedding_dim=128, dropout=0.3, seed=seed)


generator = sg.Generator(
    corpus.vocabulary_size,
    embedding_dim=128,
    hidden_dim=128,
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
    corpus.vocabulary_size, corpus.sequence_length, embedding_dim=128, encoder=encoder(2), seed=1
)
gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(num_rollouts=2, stride=2), discriminator_steps=5)
gan.compile(
    generator_optimizer=keras.optimizers.Adam(1e-4, global_clipnorm=1.0),
    discriminator_optimizer=keras.optimizers.Adam(1e-3),
    pretrain_optimizer=keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
)


def report(name: str) -> None:
    """Prints the scores of the test answers, and the first of them."""
    settings = {"condition": corpus.held_out_condition, "suppress_tokens": [corpus.unknown_token_id]}
    token_ids = gan.generate(num_beams=4, batch_size=250, **settings)
    texts = corpus.decode(token_ids)
    bleu = sg.metrics.corpus_bleu(texts, list(corpus.held_out_texts), order=2)
    nll = sg.negative_log_likelihood(generator, (corpus.held_out_condition, corpus.held_out_token_ids))
    shares = sg.metrics.distinct_shares(token_ids)
    print(f"{name}: sacreBLEU-2 {bleu.value:.2f}, {shares}, NLL-test {nll:.3f} nats per token")
    for given, text in list(zip(corpus.held_out_given, texts, strict=True))[:5]:
        print(f"  {' | '.join(given.splitlines())} -> {text}")


gan.pretrain_generator(corpus.train_by_length, epochs=15, validation_data=corpus.validation, patience=1)
report("maximum likelihood")
gan.pretrain_discriminator(corpus.train, steps=400)
gan.fit(corpus.train, epochs=1, steps_per_epoch=10)
report("after 10 adversarial rounds")
gan.save("dialogue.keras")
