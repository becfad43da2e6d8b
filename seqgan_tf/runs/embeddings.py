"""Networks of a new run that start from word vectors of files."""

from pathlib import Path
from typing import Any

from seqgan_tf.core import seeds
from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.conditions import Sources
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.data.word_vectors import WordVectors
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.source import Source
from seqgan_tf.seqgan import SeqGAN


def start_from_word_vectors(settings: RunSettings, gan: SeqGAN, source: Source, corpus: Corpus) -> list[str]:
    """Sets the embeddings of the networks for which the settings name a file; a file is read once per vocabulary.

    Args:
        settings: settings of the run: `generator.embeddings`, `discriminator.embeddings`, `encoder.embeddings`.
        gan: the networks.
        source: it has the tokenizers.
        corpus: the data, of which the share of words with a vector is reported.

    Returns:
        A line per setting: how many words have a vector.

    Raises:
        InputError: there are no words, a file cannot be used, or its vectors have another size than the embeddings.
    """
    conditions = source.conditions if isinstance(source.conditions, Sources) else None
    encoders = [gan.generator.encoder, gan.discriminator.encoder] if conditions else []
    ints = seeds.integers(settings.seed, seeds.WeightStream.WORD_VECTORS)
    read: dict[tuple[Path, int], WordVectors] = {}
    notes = []
    for table, networks, tokenizer, token_ids in (
        ("generator", [gan.generator], source.tokenizer, corpus.train_token_ids),
        ("discriminator", [gan.discriminator], source.tokenizer, corpus.train_token_ids),
        ("encoder", encoders, conditions and conditions.tokenizer, corpus.train_condition),
    ):
        path, size = getattr(settings, table).embeddings, getattr(settings, table).embedding_dim
        if path is None:
            continue
        flag = f"--{table}.embeddings"
        vectors = _read(path, flag, tokenizer, read, next(ints))
        width = vectors.matrix.shape[1]
        if width != size:
            raise InputError(
                f"{path}: expected vectors of {size} numbers, as --{table}.embedding-dim says. Received: {width}"
            )
        for network in networks:
            network.start_from_embeddings(vectors.matrix)
        shares = f"{vectors.coverage:.1%} of the words of the vocabulary, {vectors.coverage_of(token_ids):.1%}"
        notes.append(f"{flag} {path}: {shares} of the words of the training part have a vector")
    gan.synchronize_copies()
    return notes


def _read(path: Path, flag: str, tokenizer: Any, read: dict[tuple[Path, int], WordVectors], seed: Any) -> WordVectors:
    """The vectors of a vocabulary, read before or now."""
    if not isinstance(tokenizer, TextTokenizer) or tokenizer.level == "bpe":
        received = "none" if tokenizer is None else "byte pairs"
        raise InputError(f"{flag} needs texts whose tokens are words or characters. Received: {received}")
    key = (path, id(tokenizer))
    if key not in read:
        read[key] = WordVectors.read(path, tokenizer.tokens, seed)
    return read[key]
