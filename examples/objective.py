"""Trains captions to a length of twelve words, beside the discriminator: python examples/objective.py captions.txt

The file has one text per line. Without a file, the texts are sentences of a small grammar.
"""

import random
import sys

import keras

import seqgan_tf as sg

WORDS = 12


def sentences(count: int) -> list[str]:
    """Sentences of 4 to 16 words."""
    draw = random.Random(0)
    things, places = ["cat", "dog", "bird", "horse", "child"], ["on a table", "near the old bridge", "in the snow"]

    def thing() -> str:
        qualities = draw.sample(["small", "brown", "white", "happy", "young"], draw.randint(0, 2))
        return " ".join(["a", *qualities, draw.choice(things)])

    endings = ["", *places, *(f"{place} with {thing()}" for place in places)]
    return [f"{thing()} {draw.choice(['is', 'sits', 'sleeps'])} {draw.choice(endings)}" for _ in range(count)]


@keras.saving.register_keras_serializable("examples")  # so that the model can be saved
def twelve_words(completions, prompts=None, **columns):
    """1 for a text of twelve words, and less the further its length is from that."""
    return [1.0 - abs(len(text.split()) - WORDS) / WORDS for text in completions]


if len(sys.argv) > 1:
    corpus = sg.TextCorpus.from_file(sys.argv[1], sequence_length=20)
else:
    corpus = sg.TextCorpus(sentences(5000), sequence_length=20)
generator = sg.Generator(corpus.vocabulary_size, 64, 128, dropout=0.2, end_token_id=corpus.end_token_id, seed=1)
discriminator = sg.Discriminator(
    corpus.vocabulary_size, corpus.sequence_length, widths=[1, 2, 3, 4], filters=[64, 64, 64, 64], seed=1
)
objective = sg.Objective(twelve_words, corpus.tokenizer)
reward = sg.WeightedSum([(sg.LogOdds(), 1.0), (objective, 4.0)])
gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(4, stride=2, reward=reward), discriminator_steps=5)
gan.compile(
    generator_optimizer=keras.optimizers.Adam(1e-3, global_clipnorm=5.0),
    discriminator_optimizer=keras.optimizers.Adam(1e-4),
    pretrain_optimizer=keras.optimizers.Adam(5e-3),
)


def report(phase: str) -> None:
    """Prints the mean of the objective, and what it costs in likelihood and diversity."""
    samples = gan.generate(2000, seed=1)
    mean = sum(twelve_words(corpus.decode(samples))) / len(samples)
    nll = sg.negative_log_likelihood(generator, corpus.validation_token_ids)
    distinct = sg.metrics.distinct(samples, 2).share
    print(f"{phase}: objective {mean:.3f}, NLL-test {nll:.3f} nats per token, distinct-2 {distinct:.3f}")


gan.pretrain_generator(corpus.train, epochs=10, validation_data=corpus.validation)
gan.pretrain_discriminator(corpus.train, steps=200)
report("before")
gan.fit(corpus.train, epochs=10, steps_per_epoch=20)
report("after")
for text in corpus.decode(gan.generate(5, seed=1)):
    print(text)
