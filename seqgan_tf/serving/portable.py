"""`next_token` and `score_tokens` for runtimes without TensorFlow: ONNX and LiteRT.

Their graphs contain no strings, no loops and no random numbers: the steps of recurrent networks are unrolled over the
positions, and a row that is no valid sequence gets NaN instead of an error message.

Axes: B batch, T sequence length, V vocabulary.
"""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from seqgan_tf.core.sequences import PADDING
from seqgan_tf.core.validation import InputError, require
from seqgan_tf.rewards.sequence_rewards import sequence_logits
from seqgan_tf.serving.row_checks import is_whole, or_nan, token_errors
from seqgan_tf.serving.saved_model import recurrent_layers, save
from seqgan_tf.serving.signatures import Functions
from seqgan_tf.serving.versions import new_version

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator

FORMATS = ("onnx", "litert")
ONNX_OPSET = 18


class PortableSignatures(tf.Module):
    """The functions, of int32 token ids [B, T], -1 where there is no token.

    Args:
        generator: the policy.
        discriminator: D.

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

    def __init__(self, generator: "Generator", discriminator: "Discriminator") -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.sequence_length = discriminator.sequence_length

    @property
    def functions(self) -> Functions:
        """{name: (function, its input specs)}."""
        specs = [tf.TensorSpec([None, self.sequence_length], tf.int32, name="token_ids")]
        return {"next_token": (self.next_token, specs), "score_tokens": (self.score_tokens, specs)}

    def next_token(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """The distribution of the next token.

        Args:
            token_ids: int32 [B, T], the tokens so far, then -1; fewer than T, none of them the end token.

        Returns:
            {"probabilities" (float32 [B, V])}; NaN in a row that no token can follow.
        """
        is_wrong = self._is_wrong(token_ids) | is_whole(token_ids, self.generator)
        count = tf.reduce_sum(tf.cast(token_ids != PADDING, tf.int32), axis=1)
        here = tf.one_hot(count, self.sequence_length)[..., tf.newaxis]
        probabilities = tf.nn.softmax(tf.reduce_sum(self._logits(token_ids) * here, axis=1))
        return {"probabilities": or_nan(probabilities, is_wrong)}

    def score_tokens(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """Log-likelihood, and probability that a sequence is real.

        Args:
            token_ids: int32 [B, T], -1 after the end token.

        Returns:
            {"log_prob" (float32 [B], nats), "log_probs" (float32 [B, T], of each token; 0 on padding),
            "real_probability" (float32 [B])}; NaN in a row that is no valid sequence.
        """
        is_wrong = self._is_wrong(token_ids)
        given = self._given(token_ids)
        chosen = tf.one_hot(given, self.generator.vocabulary_size)
        log_probs = tf.reduce_sum(tf.nn.log_softmax(self._logits(token_ids)) * chosen, axis=2)
        log_probs = or_nan(tf.where(token_ids == PADDING, 0.0, log_probs), is_wrong)
        inside = tf.minimum(token_ids, self.generator.vocabulary_size - 1)
        real = tf.sigmoid(sequence_logits(self.discriminator, tf.maximum(inside, PADDING)))
        return {
            "log_prob": tf.reduce_sum(log_probs, axis=1),
            "log_probs": log_probs,
            "real_probability": or_nan(real, is_wrong),
        }

    def _logits(self, token_ids):
        given, logits = self._given(token_ids), []
        fed = tf.zeros_like(given[:, 0]) + self.generator.start_token_id
        state = self.generator.initial_state(tf.shape(given)[0])
        for t in range(self.sequence_length):
            step, state = self.generator.step(fed, state)
            logits.append(step)
            fed = given[:, t]
        return tf.stack(logits, axis=1)

    def _given(self, token_ids):
        return tf.clip_by_value(token_ids, 0, self.generator.vocabulary_size - 1)

    def _is_wrong(self, token_ids):
        outside, continues = (is_wrong for is_wrong, _ in token_errors(token_ids, self.generator))
        return outside | continues


def export_portable(
    target: str | os.PathLike,
    generator: "Generator",
    discriminator: "Discriminator",
    file_format: str,
    version: int | None = None,
) -> Path:
    """Writes a new version: TARGET/<version>/next_token.onnx and score_tokens.onnx, or model.tflite with both.

    Args:
        target, version: see `new_version`.
        generator: the policy.
        discriminator: D.
        file_format: "onnx" or "litert".

    Returns:
        Path of the version.

    Raises:
        InputError: another format; or see `new_version`.
        MissingExtraError: "onnx" without tf2onnx.
    """
    if file_format not in FORMATS:
        raise InputError(f"`format` must be one of {['saved_model', *FORMATS]}. Received: {file_format!r}")
    if file_format == "onnx":
        require("tf2onnx", "the format onnx", "onnx")
    signatures = PortableSignatures(generator, discriminator)
    # A loop over the positions is no part of LiteRT.
    with new_version(target, version) as (folder, destination), recurrent_layers(discriminator, unroll=True):
        (_write_onnx if file_format == "onnx" else _write_litert)(signatures, folder)
    return destination


def _write_onnx(signatures: PortableSignatures, folder: Path) -> None:
    import tf2onnx

    for name, (function, specs) in signatures.functions.items():
        path = str(folder / f"{name}.onnx")
        tf2onnx.convert.from_function(tf.function(function, specs), specs, opset=ONNX_OPSET, output_path=path)


def _write_litert(signatures: PortableSignatures, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as saved:
        save(signatures.functions, saved, signatures)
        names = list(signatures.functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=names)
        (folder / "model.tflite").write_bytes(converter.convert())
