"""Requests to an exported model in this process, as many rows a request as a server would batch.

The model has the sizes of the `quick` preset on captions: LSTM-128, 5,000 words, 22 tokens. What a server adds (network
and parsing) is not in it.
"""

import random

import pytest
import tensorflow as tf
from paper_setting import device

from seqgan_tf import Discriminator, Generator, MonteCarloRollout, SeqGAN, TextTokenizer

WORDS = [f"w{i}" for i in range(4_998)]
SEQUENCE_LENGTH = 22


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    tokenizer = TextTokenizer.train([" ".join(WORDS)] * 2)
    generator = Generator(tokenizer.vocabulary_size, 64, 128, end_token_id=tokenizer.end_token_id, seed=1)
    discriminator = Discriminator(tokenizer.vocabulary_size, SEQUENCE_LENGTH, seed=1)
    gan = SeqGAN(generator, discriminator, MonteCarloRollout())
    return tf.saved_model.load(gan.export(tmp_path_factory.mktemp("served") / "bench", tokenizer)).signatures


@pytest.mark.parametrize("rows", [1, 8, 64, 256])
@pytest.mark.parametrize("name", ["generate", "score"])
def bench_requests(benchmark, signatures, name, rows):
    draw, ones = random.Random(rows), tf.ones([rows])
    texts = tf.constant([" ".join(draw.choices(WORDS, k=10)) for _ in range(rows)])
    request = {"text": texts}
    if name == "generate":
        request = {"seed": tf.constant([[1, i] for i in range(rows)]), "temperature": ones, "top_p": ones}
    info = {"row": f"served `{name}`, {rows} a request", "flop": 0, "device": device(), "requests": rows}
    benchmark.extra_info |= info
    answer = lambda: signatures[name](**request)["log_prob"].numpy()  # noqa: E731
    benchmark.pedantic(answer, rounds=30, warmup_rounds=3)
