"""Models that can be exported in seconds, and the answers that are expected of them, computed in numpy and Python."""

import numpy as np
import tensorflow as tf
from exact import log_softmax

from seqgan_tf.data.conditions import Labels, Sources
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.encoders import ConcatenateEncoder, LabelEncoder, SequenceEncoder
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.recurrent_discriminator import RecurrentDiscriminator
from seqgan_tf.models.transformer_generator import TransformerGenerator
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN

LINES = ["the cat sees a dog .", "the dog don't see , a cat"] * 3
SOURCES = ["Rotkehlchen, siehst du's?", '"Ja (ich seh\'s)!"', "du, ich", "ich seh du."] * 3
LABELS = ["happy", "sad", "trübe 'n' grau"]
TEXT_LENGTH, BYTE_LENGTH, PLAIN_LENGTH, SOURCE_LENGTH = 6, 9, 5, 7
PLAIN_VOCABULARY, SOURCE_VOCABULARY = 7, 11
OUTPUTS = {  # of a model with text: {signature: {output: (dtype, shape of a row)}}
    "generate": {"token_ids": (np.int32, [TEXT_LENGTH]), "text": (object, []), "log_prob": (np.float32, [])},
    "complete": {"text": (object, []), "log_prob": (np.float32, [])},
    "next_token": {"probabilities": (np.float32, [13])},
}
OUTPUTS["score_tokens"] = OUTPUTS["score"] = {
    "log_prob": (np.float32, []),
    "log_probs": (np.float32, [TEXT_LENGTH]),
    "real_probability": (np.float32, []),
}


def make(vocabulary_size, length, likely=(), stddev=0.8, encoder=None, **settings):
    """A SeqGAN whose next tokens differ in probability; the tokens of `likely` are drawn more often.

    `encoder` is a function of a seed. What is drawn, and the discriminator, then depend on the condition.
    """
    encoders = [encoder and encoder(seed) for seed in (1, 2)]
    generator = Generator(vocabulary_size, 3, 4, initializer_stddev=stddev, seed=1, encoder=encoders[0], **settings)
    bias = generator.projection.bias
    bias.assign(bias + 1.5 * np.isin(np.arange(vocabulary_size), likely))
    discriminator = Discriminator(
        vocabulary_size, length, 3, embedding_range=3.0, widths=[1, 2], filters=[3, 2], seed=1, encoder=encoders[1]
    )
    if encoder:
        discriminator.matching.kernel.assign(100.0 * discriminator.matching.kernel)
    return SeqGAN(generator, discriminator, MonteCarloRollout(2))


def on_words():
    """(SeqGAN, tokenizer) with 13 words and signs, at most 6 per text."""
    tokenizer = TextTokenizer.train(LINES)
    return make(tokenizer.vocabulary_size, TEXT_LENGTH, [0, 1], end_token_id=tokenizer.end_token_id), tokenizer


def on_bytes():
    """(SeqGAN, tokenizer) with the 256 bytes, the end token and some pairs, at most 9 per text."""
    tokenizer = TextTokenizer.train(["the cat", "aaaa", "né"] * 5, "bpe", vocabulary_size=265)
    return make(tokenizer.vocabulary_size, BYTE_LENGTH, end_token_id=tokenizer.end_token_id), tokenizer


def on_token_ids():
    """(SeqGAN, None) with 7 tokens, none of which ends a sequence; 5 per sequence."""
    return make(PLAIN_VOCABULARY, PLAIN_LENGTH, stddev=0.4, cell="gru", num_layers=2), None


def source_encoder(vocabulary_size):
    return lambda seed: SequenceEncoder(vocabulary_size, 3, 4, embedding_range=2.0, seed=seed)


def on_pairs(level="word"):
    """(SeqGAN, tokenizer, `Sources`): texts as in `on_words`, for sources of at most 7 tokens."""
    tokenizer = TextTokenizer.train(LINES)
    sources = Sources(TextTokenizer.train(SOURCES, level, vocabulary_size=280, min_frequency=1), SOURCE_LENGTH)
    settings = {"end_token_id": tokenizer.end_token_id, "attention": "luong"}
    encoder = source_encoder(sources.vocabulary_size)
    return make(tokenizer.vocabulary_size, TEXT_LENGTH, [0, 1], encoder=encoder, **settings), tokenizer, sources


def on_pairs_with_a_transformer():
    """As `on_pairs`, with a transformer of two layers as generator."""
    gan, tokenizer, sources = on_pairs()
    generator = TransformerGenerator(
        tokenizer.vocabulary_size,
        TEXT_LENGTH,
        3,
        8,
        num_heads=2,
        num_layers=2,
        initializer_stddev=0.8,
        seed=1,
        end_token_id=tokenizer.end_token_id,
        encoder=source_encoder(sources.vocabulary_size)(1),
    )
    return SeqGAN(generator, gan.discriminator, MonteCarloRollout(2)), tokenizer, sources


def on_labels():
    """(SeqGAN, None, `Labels`): token ids as in `on_token_ids`, for one of three labels."""
    settings = {"cell": "gru", "num_layers": 2, "encoder": lambda seed: LabelEncoder(len(LABELS), 3, seed=seed)}
    return make(PLAIN_VOCABULARY, PLAIN_LENGTH, **settings), None, Labels(LABELS)


def on_dicts():
    """(SeqGAN, None, None): token ids with an end token, for {"source": token ids, "mood": one of three labels}.

    Its discriminator is recurrent.
    """

    def encoder(seed):
        parts = {"source": source_encoder(SOURCE_VOCABULARY)(seed), "mood": LabelEncoder(3, 2, seed=seed)}
        return ConcatenateEncoder(parts, 4, seed=seed)

    gan = make(PLAIN_VOCABULARY, PLAIN_LENGTH, encoder=encoder, attention="luong", end_token_id=0)
    settings = {"embedding_range": 3.0, "hidden_dim": 4, "encoder": encoder(2), "seed": 1}
    discriminator = RecurrentDiscriminator(PLAIN_VOCABULARY, PLAIN_LENGTH, 3, **settings)
    discriminator.matching.kernel.assign(100.0 * discriminator.matching.kernel)
    return SeqGAN(gan.generator, discriminator, MonteCarloRollout(2)), None, None


class Model:
    """A SeqGAN and the SavedModel that was exported from it.

    Args:
        target: path to export to.
        gan: `SeqGAN`.
        tokenizer: `TextTokenizer`, or None.
        **settings: arguments of `SeqGAN.export`.
    """

    def __init__(self, target, gan, tokenizer, **settings):
        self.gan, self.tokenizer = gan, tokenizer
        self.sequence_length = gan.discriminator.sequence_length
        self.vocabulary_size, self.end_token_id = gan.generator.vocabulary_size, gan.generator.end_token_id
        self.path = gan.export(target, tokenizer, **settings)
        self.loaded = tf.saved_model.load(str(self.path))

    def ask(self, signature, **inputs):
        """The answer to a request, {name: array}; inputs are cast to the signature's dtypes."""
        return ask(self.loaded, signature, **inputs)

    def log_probs(self, token_ids, condition=None):
        """log G of each token, float64 [B, T] for valid token ids; 0 on padding."""
        return log_probs(self.gan, token_ids, condition)

    def next_probabilities(self, token_ids, condition=None):
        """The distribution of the next token, float64 [B, V], after token ids that a token can follow."""
        every = np.exp(log_softmax(logits(self.gan.generator, token_ids, condition)))
        return np.array([row[list(ids).index(-1)] for row, ids in zip(every, token_ids, strict=True)])

    def real_probabilities(self, token_ids, condition=None):
        """The discriminator's probabilities of real, float64 [B] for valid token ids."""
        return 1.0 / (1.0 + np.exp(-logits(self.gan.discriminator, token_ids, condition)))

    def is_sequence(self, row):
        """Whether token ids are in the vocabulary, and nothing but padding follows the end."""
        if not all(-1 <= token < self.vocabulary_size for token in row):
            return False
        ends = [i for i, token in enumerate(row) if token in (-1, self.end_token_id)]
        return not ends or all(token == -1 for token in row[ends[0] + 1 :])

    def is_beginning(self, row):
        """Whether token ids are valid and a token can follow them."""
        return self.is_sequence(row) and self.end_token_id not in row and row[-1] == -1


class ConditionalModel(Model):
    """A SeqGAN that takes conditions, and the SavedModel that was exported from it.

    Args:
        target, gan, tokenizer, **settings: as for `Model`.
        conditions: how they are read, or None.
    """

    def __init__(self, target, gan, tokenizer, conditions, **settings):
        super().__init__(target, gan, tokenizer, conditions=conditions, **settings)
        self.conditions = conditions

    def condition(self, given):
        """The condition that the SeqGAN takes for the inputs {name: values} of a request."""
        if self.conditions is None:
            return {name: np.asarray(values, np.int32) for name, values in given.items()}
        (texts,) = given.values()
        return self.conditions.encode(texts)


def ask(loaded, signature, **inputs):
    """The answer of a signature of a loaded SavedModel, {name: array}; inputs are cast to the signature's dtypes."""
    function = loaded.signatures[signature]
    specs = function.structured_input_signature[1]
    tensors = {name: tf.constant(value, specs[name].dtype) for name, value in inputs.items()}
    return {name: tensor.numpy() for name, tensor in function(**tensors).items()}


def logits(network, token_ids, condition=None):
    """What a network returns for token ids and the condition of each row, float64."""
    return np.asarray(network(np.asarray(token_ids), context=network.encode(condition)), np.float64)


def log_probs(gan, token_ids, condition=None):
    """log G of each token, float64 [B, T] for valid token ids; 0 on padding."""
    token_ids = np.asarray(token_ids)
    every = log_softmax(logits(gan.generator, token_ids, condition))
    chosen = np.take_along_axis(every, np.maximum(token_ids, 0)[..., np.newaxis], axis=-1)[..., 0]
    return np.where(token_ids == -1, 0.0, chosen)


def pad(rows, length):
    """int32 [B, length] of lists of token ids."""
    return np.array([[*row, *[-1] * (length - len(row))] for row in rows], np.int32).reshape(-1, length)
