"""The conditions of a request: what each input of an exported model is, and how it becomes what an encoder takes.

Text and images are read in the graph, by the rules of `data.conditions` and `data.images`. Without these rules the
inputs are the tensors that the encoder takes. A row that is wrong gets an error message and is replaced by one that the
encoder can read.

Axes: B batch, S source length.
"""

import abc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core.conditions import takes_condition
from seqgan_tf.core.sequences import PADDING
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.conditions import Labels, Several, Sources, TextConditions
from seqgan_tf.data.image_decoding import EXPECTED, decode_images
from seqgan_tf.data.images import Images
from seqgan_tf.models.encoders import ConcatenateEncoder, LabelEncoder, SequenceEncoder
from seqgan_tf.serving.graph_tokenizer import GraphTokenizer
from seqgan_tf.serving.row_checks import first_error, goes_on, is_outside, utf8_error

Errors = list[tuple[tf.Tensor, tf.Tensor | str]]
"""(bool [B], message) of each kind of error."""
Conditions = TextConditions | Mapping[str, Any]
"""How conditions are read: of an encoder of several conditions, {name: how the condition of that name is read}."""

TAKEN = ("seed", "temperature", "top_p", "length_penalty", "text", "token_ids", "memory", "mask", "summary")
"""Names of the other inputs."""
LONGEST_SOURCE = 2**16  # bytes; in a longer text, merging byte pairs could delay the whole batch for seconds


class ConditionInputs:
    """The inputs that the conditions of an encoder are read from.

    Args:
        encoder: the encoder of the generator.
        conditions: how text is read, such as `corpus.conditions`. Defaults to None: the inputs are what the encoder
            takes. For a `ConcatenateEncoder` it may be a dict with an entry for some of its names.
        folder: folder to write vocabularies to, see `GraphTokenizer`. Defaults to None: a graph without strings. The
            inputs are then what the encoder takes, and `conditions` says how long sources and how large images are.

    Raises:
        InputError: the conditions do not fit the encoder, an input has a name that is taken, or the inputs of an
            encoder of another class are not known.

    Example:
    ```python
    import tensorflow as tf

    import seqgan_tf as sg
    from seqgan_tf.serving.condition_inputs import ConditionInputs

    inputs = ConditionInputs(sg.LabelEncoder(num_labels=3))
    labels, errors = inputs.read(tf.constant([2, 3]))  # [2 0]; row 1: "label must be in [0, 3)"
    ```
    """

    def __init__(self, encoder: keras.Layer, conditions: Conditions | None = None, folder: Path | None = None) -> None:
        self._inputs = _inputs(encoder, conditions, folder, "")
        names = [spec.name for spec in tf.nest.flatten(self.specs)]
        for name in names:
            is_name = name.isidentifier() and name.isascii() and not name.startswith("_")
            if not is_name or name in TAKEN or names.count(name) > 1:
                raise InputError(
                    f"`encoder` must have conditions with names of their own, other than {', '.join(TAKEN)}, "
                    f"to be exported. Received: {name!r}"
                )

    @classmethod
    def of(
        cls, generator: Any, conditions: Conditions | None = None, folder: Path | None = None
    ) -> "ConditionInputs | None":
        """The inputs of a generator; None where it takes no condition. Arguments and errors: as for the class."""
        return cls(generator.encoder, conditions, folder) if takes_condition(generator) else None

    @property
    def specs(self) -> Any:
        """The spec of each input, a nest like the condition."""
        return tf.nest.map_structure(lambda part: part.spec, self._inputs)

    @property
    def tables(self) -> list[tf.Module]:
        """What a SavedModel has to track."""
        return tf.nest.flatten(self._inputs)

    @property
    def ordinary(self) -> dict[str, list]:
        """{name: a batch of one valid row}."""
        return {part.spec.name: [part.ordinary] for part in tf.nest.flatten(self._inputs)}

    @property
    def has_image(self) -> bool:
        """Whether one of the inputs is an encoded image."""
        return any(isinstance(part, _ImageBytes) for part in tf.nest.flatten(self._inputs))

    def rows(self, values: Any) -> dict[str, tuple[tf.Tensor, list[int | None]]]:
        """{name: (tensor, shape of a row)} for a nest like `specs`."""
        specs = tf.nest.flatten(self.specs)
        flat = tf.nest.flatten(values)
        return {spec.name: (value, spec.shape.as_list()[1:]) for spec, value in zip(specs, flat, strict=True)}

    def read(self, values: Any) -> tuple[Any, Errors]:
        """(the condition that the encoder takes, what is wrong with which row).

        Args:
            values: a tensor for each input: a nest like `specs`, or a list.
        """
        parts, flat = tf.nest.flatten(self._inputs), tf.nest.flatten(values)
        found = [part.read(value) for part, value in zip(parts, flat, strict=True)]
        condition = tf.nest.pack_sequence_as(self._inputs, [value for value, _ in found])
        return condition, [error for _, errors in found for error in errors]


class _Input(tf.Module, abc.ABC):
    """One input: its dtype, shape and name; a valid value of one row; and how it is read."""

    spec: tf.TensorSpec
    ordinary: Any

    @abc.abstractmethod
    def read(self, values: tf.Tensor) -> tuple[tf.Tensor, Errors]:
        """(the tensor that the encoder takes, what is wrong)."""


class _SourceText(_Input):
    """Source texts, string [B], read as `Sources.encode` reads them."""

    def __init__(self, name: str, sources: Sources, folder: Path) -> None:
        super().__init__()
        self.ordinary = "" if sources.tokenizer.end_token_id is not None else sources.tokenizer.tokens[0]
        self.spec = tf.TensorSpec([None], tf.string, name=name)
        self.text = GraphTokenizer(sources.tokenizer, folder / f"{name}_vocabulary.txt")
        self.source_length = sources.source_length

    def read(self, values: tf.Tensor) -> tuple[tf.Tensor, Errors]:
        is_long = tf.strings.length(values) > LONGEST_SOURCE
        errors: Errors = [
            utf8_error(values, self.spec.name),
            (is_long, f"{self.spec.name} must be at most {LONGEST_SOURCE} bytes"),
        ]
        texts = tf.where(first_error(*errors) == "", values, "")
        lines = tf.reverse(tf.strings.split(texts, sep="\n"), [1])[:, : self.source_length]
        ids = self.text.encode(lines.values)
        ended = tf.concat([ids, tf.fill([ids.nrows(), 1], self.text.end_token_id)], axis=1)
        sources = lines.with_values(ended).merge_dims(1, 2)
        token_ids = sources.to_tensor(PADDING, shape=[None, self.source_length])
        if self.text.unknown_token_id is not None:
            return token_ids, errors
        has_unknown, is_empty = self.text.has_unknown(token_ids), token_ids[:, 0] == PADDING
        errors += [
            (has_unknown, f"{self.spec.name} holds tokens that are not in the vocabulary"),
            (is_empty, f"{self.spec.name} must hold at least one token"),
        ]
        return tf.where((has_unknown | is_empty)[:, tf.newaxis], 0, token_ids), errors


class _LabelText(_Input):
    """Names of labels, string [B]."""

    def __init__(self, name: str, labels: Labels) -> None:
        super().__init__()
        self.spec, self.ordinary = tf.TensorSpec([None], tf.string, name=name), labels.labels[0]
        self.message = f"{name} must be one of {labels.known}"
        numbers = tf.range(len(labels.labels))
        names = tf.lookup.KeyValueTensorInitializer(labels.labels, numbers, tf.string, tf.int32)
        self.numbers = tf.lookup.StaticHashTable(names, -1)

    def read(self, values: tf.Tensor) -> tuple[tf.Tensor, Errors]:
        numbers = self.numbers.lookup(values)
        return tf.maximum(numbers, 0), [(numbers < 0, self.message)]


class _ImageBytes(_Input):
    """Encoded images, string [B], read as `Images.encode` reads them."""

    def __init__(self, name: str, images: Images) -> None:
        super().__init__()
        self.spec, self.image_size = tf.TensorSpec([None], tf.string, name=name), images.image_size
        self.ordinary = tf.io.encode_png(tf.zeros([1, 1, 3], tf.uint8)).numpy()

    def read(self, values: tf.Tensor) -> tuple[tf.Tensor, Errors]:
        images, is_image = decode_images(values, self.image_size)
        return images, [(~is_image, f"{self.spec.name} must be {EXPECTED}")]


class _SourceIds(_Input):
    """Token ids of sources, -1 at the end: int32 [B, S]. With S = None each request has its own."""

    def __init__(self, name: str, vocabulary_size: int, source_length: int | None = None) -> None:
        super().__init__()
        self.spec = tf.TensorSpec([None, source_length], tf.int32, name=name)
        self.vocabulary_size, self.ordinary = vocabulary_size, [0] * (source_length or 1)

    def read(self, values: tf.Tensor) -> tuple[tf.Tensor, Errors]:
        if self.spec.shape[1] is None:  # an encoder cannot read S = 0
            missing = tf.cast(tf.shape(values)[1] == 0, tf.int32)
            values = tf.pad(values, [[0, 0], [0, missing]], constant_values=PADDING)
        name, size = self.spec.name, self.vocabulary_size
        outside, is_empty, has_gap = is_outside(values, size), values[:, 0] == PADDING, goes_on(values, None)
        is_wrong = (outside | is_empty | has_gap)[:, tf.newaxis]
        return tf.where(is_wrong, 0, values), [
            (outside, f"{name} must be in [0, {size}), or -1 after the last token"),
            (has_gap, f"{name} must be -1 after the last token"),
            (is_empty, f"{name} must hold at least one token"),
        ]


class _LabelNumbers(_Input):
    """Numbers of labels, int32 [B]."""

    ordinary = 0

    def __init__(self, name: str, num_labels: int) -> None:
        super().__init__()
        self.spec, self.num_labels = tf.TensorSpec([None], tf.int32, name=name), num_labels

    def read(self, values: tf.Tensor) -> tuple[tf.Tensor, Errors]:
        is_wrong = (values < 0) | (values >= self.num_labels)
        return tf.where(is_wrong, 0, values), [(is_wrong, f"{self.spec.name} must be in [0, {self.num_labels})")]


class _Tensors(_Input):
    """The tensors of an encoder of another class, which are not checked."""

    def __init__(self, name: str, spec: tf.TensorSpec) -> None:
        super().__init__()
        self.spec = tf.TensorSpec(spec.shape, spec.dtype, name=name)
        self.ordinary = tf.zeros([size or 1 for size in spec.shape[1:]], spec.dtype).numpy()

    def read(self, values: tf.Tensor) -> tuple[tf.Tensor, Errors]:
        return values, []


def _inputs(encoder: Any, conditions: Any, folder: Path | None, name: str) -> Any:
    """The inputs of an encoder, a nest like the condition that it takes; `name` is "" for a condition without one."""
    if isinstance(encoder, ConcatenateEncoder):
        if conditions is None or isinstance(conditions, Several):
            conditions = conditions.parts if conditions else {}
        if not isinstance(conditions, Mapping) or not set(conditions) <= set(encoder.encoders):
            received = sorted(conditions) if isinstance(conditions, Mapping) else type(conditions).__name__
            raise _wrong(f"a dict with names of {sorted(encoder.encoders)}", received)
        return {
            key: _inputs(part, conditions.get(key), folder, f"{name}_{key}" if name else key)
            for key, part in encoder.encoders.items()
        }
    if isinstance(conditions, Sources) and not isinstance(encoder, LabelEncoder):
        size = getattr(encoder, "vocabulary_size", conditions.vocabulary_size)
        if conditions.vocabulary_size != size:
            raise _wrong(f"sources with the encoder's {size} tokens", conditions.vocabulary_size)
        if folder is None:
            return _SourceIds(name or "source", size, conditions.source_length)
        return _SourceText(name or "source", conditions, folder)
    if isinstance(conditions, Labels) and not isinstance(encoder, SequenceEncoder):
        size = getattr(encoder, "num_labels", len(conditions.labels))
        if len(conditions.labels) != size:
            raise _wrong(f"the encoder's {size} labels", len(conditions.labels))
        return _LabelNumbers(name or "label", size) if folder is None else _LabelText(name or "label", conditions)
    if isinstance(conditions, Images) and not isinstance(encoder, (LabelEncoder, SequenceEncoder)):
        pixels = tuple(getattr(encoder, "image_size", conditions.image_size))
        if conditions.image_size != pixels:
            raise _wrong(f"images of the encoder's {pixels[0]} x {pixels[1]} pixels", conditions.image_size)
        if folder is None:
            return _Tensors(name or "image", tf.TensorSpec([None, *conditions.image_size, 3], tf.uint8))
        return _ImageBytes(name or "image", conditions)
    if conditions is not None:
        raise _wrong(f"what {encoder.name!r} takes, such as `corpus.conditions`", type(conditions).__name__)
    if isinstance(encoder, SequenceEncoder):
        return _SourceIds(name or "source", encoder.vocabulary_size)
    if isinstance(encoder, LabelEncoder):
        return _LabelNumbers(name or "label", encoder.num_labels)
    return _of_spec(encoder, getattr(encoder, "condition_spec", None), name)


def _of_spec(encoder: Any, spec: Any, name: str) -> Any:
    if isinstance(spec, Mapping):
        return {key: _of_spec(encoder, spec[key], f"{name}_{key}" if name else key) for key in sorted(spec)}
    if not isinstance(spec, tf.TensorSpec) or not spec.shape.rank or spec.shape[0] is not None:
        raise InputError(
            "`encoder` must have the attribute `condition_spec`, a `tf.TensorSpec` of the shape [None, ...] or a dict "
            f"of them, to be exported. Received: {encoder.name!r} with {spec}"
        )
    return _Tensors(name or spec.name or "condition", spec)


def _wrong(expected: str, received: Any) -> InputError:
    return InputError(f"`conditions` must be {expected}. Received: {received!r}")
