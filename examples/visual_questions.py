"""Trains answers to questions about images, two conditions at once: python examples/visual_questions.py FOLDER

FOLDER is what `python examples/shapes.py FOLDER` has drawn. Shuffling the images, or the questions, shows that both are
used. On the command line: seqgan-tf train --data FOLDER/train/questions.jsonl --test FOLDER/test/questions.jsonl
"""

import sys
from pathlib import Path

import keras
import numpy as np

import seqgan_tf as sg

train, test = (Path(sys.argv[1]) / part / "questions.jsonl" for part in ("train", "test"))
corpus = sg.CaptionCorpus.from_file(train, test=test, image_size=64)
for note in corpus.notes:
    print(note)


def encoder(seed: int) -> keras.Model:
    """A new encoder of an image and a question."""
    questions = sg.SequenceEncoder(corpus.conditions.parts["prompt"].vocabulary_size, seed=seed)
    return sg.ConcatenateEncoder({"image": sg.ImageEncoder(64, seed=seed), "prompt": questions}, width=128, seed=seed)


generator = sg.Generator(
    corpus.vocabulary_size,
    embedding_dim=64,
    hidden_dim=128,
    cell="gru",
    embedding_range=0.3,
    end_token_id=corpus.end_token_id,
    encoder=encoder(1),
    attention="luong",
    seed=1,
)
discriminator = sg.RecurrentDiscriminator(corpus.vocabulary_size, corpus.sequence_length, encoder=encoder(2), seed=1)
gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(num_rollouts=2), discriminator_steps=5)
gan.compile(
    generator_optimizer=keras.optimizers.Adam(1e-4, global_clipnorm=1.0),
    discriminator_optimizer=keras.optimizers.Adam(1e-3),
    pretrain_optimizer=keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
)


def exact_match(**shuffled: np.ndarray) -> float:
    """Share of the most likely answers that are the test answers, word by word."""
    texts = corpus.decode(gan.generate(condition=corpus.held_out_condition | shuffled, temperature=0))
    return np.mean([text == right for text, right in zip(texts, corpus.held_out_texts, strict=True)])


def report(name: str) -> None:
    """Prints the exact match with both conditions, and with one of them in another order."""
    nll = sg.negative_log_likelihood(generator, (corpus.held_out_condition, corpus.held_out_token_ids))
    image, prompt = (
        exact_match(**{part: np.roll(corpus.held_out_condition[part], 1, axis=0)}) for part in ("image", "prompt")
    )
    print(f"{name}: exact match {exact_match():.1%}, images shuffled {image:.1%}, questions shuffled {prompt:.1%}")
    print(f"  NLL-test {nll:.4f} nats per token")


gan.pretrain_generator(corpus.train, epochs=15, validation_data=corpus.validation, patience=2)
report("maximum likelihood")
gan.pretrain_discriminator(corpus.train, steps=300)
gan.fit(corpus.train, epochs=1, steps_per_epoch=10)
report("after 10 adversarial rounds")
gan.save(Path(sys.argv[1]) / "answers.keras")
