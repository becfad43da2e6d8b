"""Which source a run has, by its settings."""

import dataclasses
from typing import Any

from seqgan_tf.core.protocols import Corpus
from seqgan_tf.data.caption_files import is_captions
from seqgan_tf.data.conditions import Sources
from seqgan_tf.data.midi_files import is_midi
from seqgan_tf.data.records import CODE, MUSIC
from seqgan_tf.runs.code_source import CodeSource
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.music_source import MusicSource
from seqgan_tf.runs.oracle_source import OracleSource
from seqgan_tf.runs.presets import ORACLE
from seqgan_tf.runs.source import Source
from seqgan_tf.runs.text_source import TextSource

SOURCES: dict[str, type[Source]] = {ORACLE: OracleSource, MUSIC: MusicSource, CODE: CodeSource}
"""The sources that are no plain text, by their task."""


def source_class(settings: RunSettings) -> type[Source]:
    """The class of a run's source, by its task; without a task, by its files."""
    if settings.task is not None:
        return SOURCES.get(settings.task, TextSource)
    if settings.data is None:
        return OracleSource
    return MusicSource if is_midi(settings.data) and not is_captions(settings.data) else TextSource


def with_data(settings: RunSettings, corpus: Corpus) -> RunSettings:
    """The settings of a run whose data have been read: with their task and their lengths."""
    conditions = corpus.conditions
    lengths = dataclasses.replace(
        settings.corpus,
        sequence_length=corpus.sequence_length,
        source_length=conditions.source_length if isinstance(conditions, Sources) else settings.corpus.source_length,
    )
    found: dict[str, Any] = {"task": corpus.task}
    return dataclasses.replace(settings, corpus=lengths, **found)
