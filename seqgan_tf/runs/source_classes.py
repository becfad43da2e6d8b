"""The class of a run's source, by the task of its data."""

from seqgan_tf.data.records import CODE, TEXT
from seqgan_tf.runs.code_source import CodeSource
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.presets import ORACLE
from seqgan_tf.runs.sources import OracleSource, Source, TextSource

SOURCES: dict[str, type[Source]] = {ORACLE: OracleSource, CODE: CodeSource}
"""The sources that are no plain text, by their task."""


def source_class(settings: RunSettings) -> type[Source]:
    """The class of a run's source, by its task; without a task, text if there is a file."""
    return SOURCES.get(settings.task or (TEXT if settings.data else ORACLE), TextSource)
