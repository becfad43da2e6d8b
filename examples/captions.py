"""Trains captions of images: python examples/captions.py FOLDER

FOLDER is what `python examples/shapes.py FOLDER` has drawn: the combinations of colour, shape and place in FOLDER/test
are in no image of FOLDER/train. On the command line: seqgan-tf train --data FOLDER/train --test FOLDER/test
"""

import sys
from pathlib import Path

import keras
import numpy as np

import seqgan_tf as sg

folder = Path(sys.argv[1])
corpus = sg.CaptionCorpus.from_file(folder / "train", test=folder / "test", image_size=64)
for note in corpus.notes:
    print(note)

generator = sg.Generator(
    corpus.vocabulary_size,
    embedding_dim=64,
    hidden_dim=128,
    cell="gru",
    embedding_range=0.3,
    end_token_id=corpus.end_token_id,
    encoder=sg.ImageEncoder(image_size=64, seed=1),
    attention="luong",
    seed=1,
)
discriminator = sg.RecurrentDiscriminator(
    corpus.vocabulary_size, corpus.sequence_length, encoder=sg.ImageEncoder(image_size=64, seed=2), seed=1
)
gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(num_rollouts=2, stride=2), discriminator_steps=5)
gan.compile(
    generator_optimizer=keras.optimizers.Adam(1e-4, global_clipnorm=1.0),
    discriminator_optimizer=keras.optimizers.Adam(1e-3),
    pretrain_optimizer=keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
)


def exact_match(images: np.ndarray) -> float:
    """Share of the most likely captions for images that are the test captions, word by word."""
    texts = corpus.decode(gan.generate(condition=images, temperature=0))
    return np.mean([text == right for text, right in zip(texts, corpus.held_out_texts, strict=True)])


def report(name: str) -> None:
    """Prints the exact match on the test images, and with the images in another order."""
    images = corpus.held_out_condition
    nll = sg.negative_log_likelihood(generator, (images, corpus.held_out_token_ids))
    other = exact_match(np.roll(images, 1, axis=0))
    print(f"{name}: exact match {exact_match(images):.1%}, images shuffled {other:.1%}, NLL-test {nll:.4f}")


gan.pretrain_generator(corpus.train, epochs=12, validation_data=corpus.validation, patience=2)
report("maximum likelihood")
gan.pretrain_discriminator(corpus.train, steps=300)
gan.fit(corpus.train, epochs=1, steps_per_epoch=10)
report("after 10 adversarial rounds")
gan.save(folder / "captions.keras")
sg.write_captions_page(folder / "captions.html", gan, corpus)
