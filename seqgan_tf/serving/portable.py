"""`next_token` and `score_tokens` for runtimes without TensorFlow: ONNX and LiteRT.

Their graphs contain no strings, no loops and no random numbers: recurrent layers, and the steps of a generator whose
`call` has a loop, are unrolled over the positions. A row that is no valid sequence gets NaN, and no error message.

A generator that takes conditions has `encode` too: what it returns is an input of `next_token`, so that a condition is
encoded once per sequence.

Axes: B batch, T sequence length, V vocabulary, S source length, C and D widths.
"""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from seqgan_tf.core.conditions import bound, condition_on, takes_condition
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.sequences import PADDING
from seqgan_tf.core.validation import InputError, require
from seqgan_tf.models.attention import Context
from seqgan_tf.rewards.sequence_rewards import sequence_logits
from seqgan_tf.serving.condition_inputs import ConditionInputs, Conditions
from seqgan_tf.serving.row_checks import is_whole, or_nan, token_errors
from seqgan_tf.serving.saved_model import layers_with, save
from seqgan_tf.serving.signatures import Functions
from seqgan_tf.serving.versions import new_version

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator

FORMATS = ("onnx", "litert")
ONNX_OPSET = 18


class PortableSignatures:
    """The functions, of int32 token ids [B, T], -1 where there is no token.

    Args:
        generator: the policy.
        discriminator: D.
        conditions: the inputs that a condition is read from, of one size each except for the batch. Defaults to None,
            for a generator that takes none.

    Raises:
        InputError: the size of an input is not known.

    Example:
    ```python
    import tensorflow as tf

    import seqgan_tf as sg
    from seqgan_tf.serving.portable import PortableSignatures

    generator = sg.Generator(vocabulary_size=50, end_token_id=0)
    signatures = PortableSignatures(generator, sg.Discriminator(vocabulary_size=50, sequence_length=4))
    probabilities = signatures.next_token(tf.constant([[3, 4, -1, -1]]))["probabilities"]  # [1, 50]
    ```
    """

    tables: tuple[tf.Module, ...] = ()

    def __init__(
        self, generator: "Generator", discriminator: "Discriminator", conditions: ConditionInputs | None = None
    ) -> None:
        self.generator, self.discriminator, self.conditions = generator, discriminator, conditions
        self.sequence_length = discriminator.sequence_length
        for spec in tf.nest.flatten(conditions.specs if conditions else []):
            if None in spec.shape[1:]:
                raise InputError(
                    f"`conditions` must be given for this `format`, whose graph has one length of {spec.name}. "
                    "Received: none"
                )

    @property
    def functions(self) -> Functions:
        """{name: (function, its input specs)}."""
        token_ids = tf.TensorSpec([None, self.sequence_length], tf.int32, name="token_ids")
        if self.conditions is None:
            return {"next_token": (self.next_token, [token_ids]), "score_tokens": (self.score_tokens, [token_ids])}
        condition = self.conditions.specs
        encoded = graph_function(self.encode, input_signature=[condition]).get_concrete_function().structured_outputs
        context = {
            name: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype, name=name) for name, tensor in encoded.items()
        }
        return {
            "encode": (self.encode, [condition]),
            "next_token": (self.next_token, [token_ids, context]),
            "score_tokens": (self.score_tokens, [token_ids, condition]),
        }

    def encode(self, condition: Any) -> dict[str, tf.Tensor]:
        """The context of a condition, which `next_token` takes.

        Args:
            condition: what `conditions` reads.

        Returns:
            {"memory" (float [B, S, C]), "mask" (float32 [B, S]), "summary" (float [B, D])}, of a generator without
            attention the summary alone; NaN in a row that is no valid condition.
        """
        context, _, is_wrong = self._read(condition)
        if not isinstance(context, Context):
            raise InputError(
                "`generator.encode(condition)` must return a `Context` for this `format`. "
                f"Received: {type(context).__name__}"
            )
        found = {"summary": or_nan(context.summary, is_wrong)}
        if getattr(self.generator, "attention", True):
            found |= {"memory": or_nan(context.memory, is_wrong), "mask": context.mask}
        return found

    def next_token(self, token_ids: tf.Tensor, context: dict[str, tf.Tensor] | None = None) -> dict[str, tf.Tensor]:
        """The distribution of the next token.

        Args:
            token_ids: int32 [B, T], the tokens so far, then -1; fewer than T, none of them the end token.
            context: what `encode` returned. Defaults to None, for a generator that takes no condition.

        Returns:
            {"probabilities" (float32 [B, V])}; NaN in a row that no token can follow.
        """
        is_wrong = self._is_wrong(token_ids) | is_whole(token_ids, self.generator)
        count = tf.reduce_sum(tf.cast(token_ids != PADDING, tf.int32), axis=1)
        here = tf.one_hot(count, self.sequence_length)[..., tf.newaxis]
        whole = None if context is None else Context(context.get("memory"), context.get("mask"), context["summary"])
        probabilities = tf.nn.softmax(tf.reduce_sum(self._logits(token_ids, whole) * here, axis=1))
        return {"probabilities": or_nan(probabilities, is_wrong)}

    def score_tokens(self, token_ids: tf.Tensor, condition: Any = None) -> dict[str, tf.Tensor]:
        """Log-likelihood, and probability that a sequence is real.

        Args:
            token_ids: int32 [B, T], -1 after the end token.
            condition: what `conditions` reads. Defaults to None, for a generator that takes none.

        Returns:
            {"log_prob" (float32 [B], nats), "log_probs" (float32 [B, T], of each token; 0 on padding),
            "real_probability" (float32 [B])}; NaN in a row that is no valid sequence.
        """
        is_wrong, context = self._is_wrong(token_ids), None
        if self.conditions is not None:
            context, condition, is_no_condition = self._read(condition)
            is_wrong |= is_no_condition
        given = self._given(token_ids)
        chosen = tf.one_hot(given, self.generator.vocabulary_size)
        log_probs = tf.reduce_sum(tf.nn.log_softmax(self._logits(token_ids, context)) * chosen, axis=2)
        log_probs = or_nan(tf.where(token_ids == PADDING, 0.0, log_probs), is_wrong)
        inside = tf.minimum(token_ids, self.generator.vocabulary_size - 1)
        judge = condition_on(self.discriminator, condition)
        real = tf.sigmoid(sequence_logits(judge, tf.maximum(inside, PADDING)))
        return {
            "log_prob": tf.reduce_sum(log_probs, axis=1),
            "log_probs": log_probs,
            "real_probability": or_nan(real, is_wrong),
        }

    def _read(self, condition):
        """(the generator's context, the condition that encoders take, whether a row is no condition: bool [B])."""
        found = tf.zeros(tf.shape(tf.nest.flatten(condition)[0])[:1], tf.bool)
        condition, errors = self.conditions.read(condition)
        for is_wrong, _ in errors:
            found |= is_wrong
        return self.generator.encode(condition), condition, found

    def _logits(self, token_ids, context):
        given, logits = self._given(token_ids), []
        policy = bound(self.generator, context)
        if not _has_loop(policy, self.sequence_length):
            return policy(given, training=False)
        fed = tf.zeros_like(given[:, 0]) + policy.start_token_id
        state = policy.initial_state(tf.shape(given)[0])
        for t in range(self.sequence_length):
            step, state = policy.step(fed, state)
            logits.append(step)
            fed = given[:, t]
        return tf.stack(logits, axis=1)

    def _given(self, token_ids):
        # Not `clip_by_value`: LiteRT takes a clip to [0, 6] for Relu6, which it has for floats alone.
        is_token = (token_ids >= 0) & (token_ids < self.generator.vocabulary_size)
        return tf.where(is_token, token_ids, tf.zeros_like(token_ids))

    def _is_wrong(self, token_ids):
        outside, continues = (is_wrong for is_wrong, _ in token_errors(token_ids, self.generator))
        return outside | continues


def _has_loop(policy: Any, sequence_length: int) -> bool:
    """Whether a generator computes the logits of token ids [B, T] in a loop."""
    spec = tf.TensorSpec([None, sequence_length], tf.int32)
    definition = (
        graph_function(lambda token_ids: policy(token_ids, training=False))
        .get_concrete_function(spec)
        .graph.as_graph_def()
    )
    nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    return any(node.op in ("While", "StatelessWhile") for node in nodes)


def export_portable(
    target: str | os.PathLike,
    generator: "Generator",
    discriminator: "Discriminator",
    file_format: str,
    version: int | None = None,
    conditions: Conditions | None = None,
) -> Path:
    """Writes a new version: TARGET/<version>/next_token.onnx and score_tokens.onnx, or model.tflite with both.

    Of a generator that takes conditions there is also encode.onnx, or `encode` in model.tflite.

    Args:
        target, version: see `new_version`.
        generator: the policy.
        discriminator: D.
        file_format: "onnx" or "litert".
        conditions: how conditions are read; the length of sources is taken from them. Defaults to None.

    Returns:
        Path of the version.

    Raises:
        InputError: another format; an operation of a network that ONNX does not have; see `new_version`; or see
            `PortableSignatures`.
        MissingExtraError: "onnx" without tf2onnx.
    """
    if file_format not in FORMATS:
        raise InputError(f"`format` must be one of {['saved_model', *FORMATS]}. Received: {file_format!r}")
    if file_format == "onnx":
        require("tf2onnx", "the format onnx", "onnx")
    signatures = PortableSignatures(generator, discriminator, ConditionInputs.of(generator, conditions))
    # A loop over the positions is no part of LiteRT. Keras calls a generator without conditions with any length when it
    # saves it, where nothing can be unrolled.
    whole = [discriminator, *([generator] if takes_condition(generator) else [])]
    with new_version(target, version) as (folder, destination), layers_with(whole, unroll=True, use_cudnn=False):
        (_write_onnx if file_format == "onnx" else _write_litert)(signatures, folder)
    return destination


def _write_onnx(signatures: PortableSignatures, folder: Path) -> None:
    import onnx
    import tf2onnx

    for name, (function, specs) in signatures.functions.items():
        path = str(folder / f"{name}.onnx")
        model, _ = tf2onnx.convert.from_function(
            graph_function(function, input_signature=specs), specs, opset=ONNX_OPSET, output_path=path
        )
        unknown = {node.op_type for node in model.graph.node if not onnx.defs.has(node.op_type, node.domain)}
        if unknown:  # tf2onnx writes them all the same, and no runtime reads the file
            raise InputError(
                "`format` must be 'saved_model' for networks whose operations cannot be converted. "
                f"Received: 'onnx' and {', '.join(sorted(unknown))}"
            )


def _write_litert(signatures: PortableSignatures, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as saved:
        save(signatures.functions, saved, signatures)
        names = list(signatures.functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=names)
        (folder / "model.tflite").write_bytes(converter.convert())
