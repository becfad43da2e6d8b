"""`next_token` and `score_tokens` for runtimes without TensorFlow: ONNX and LiteRT.

Their graphs hold no strings, no loops and no random numbers: the positions are written out one after another, and a row
that is no sequence gets NaN in place of a message.

Axes: B batch, T sequence length, V vocabulary.
"""

import tempfile

import tensorflow as tf

from seqgan_tf.sequences import PADDING
from seqgan_tf.serving.saved_model import save
from seqgan_tf.serving.signatures import is_whole, or_nan, token_errors
from seqgan_tf.serving.versions import new_version

FORMATS = ("onnx", "litert")
ONNX_OPSET = 18


class PortableSignatures(tf.Module):
    """The functions, of int32 token ids [B, T], -1 where there is no token.

    Args:
        generator: a `Generator`.
        discriminator: a `Discriminator`.
    """

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.sequence_length = discriminator.sequence_length

    @property
    def functions(self):
        """{name: (function, its input specs)}."""
        specs = [tf.TensorSpec([None, self.sequence_length], tf.int32, name="token_ids")]
        return {"next_token": (self.next_token, specs), "score_tokens": (self.score_tokens, specs)}

    def next_token(self, token_ids):
        """{"probabilities" (float32 [B, V])} of what follows the tokens; NaN where they are no beginning."""
        is_wrong = self._is_wrong(token_ids) | is_whole(token_ids, self.generator)
        count = tf.reduce_sum(tf.cast(token_ids != PADDING, tf.int32), axis=1)
        here = tf.one_hot(count, self.sequence_length)[..., tf.newaxis]
        probabilities = tf.nn.softmax(tf.reduce_sum(self._logits(token_ids) * here, axis=1))
        return {"probabilities": or_nan(probabilities, is_wrong)}

    def score_tokens(self, token_ids):
        """{"log_prob" ([B], nats), "log_probs" ([B, T]), "real_probability" ([B])}, float32; NaN where it is none."""
        is_wrong = self._is_wrong(token_ids)
        given = self._given(token_ids)
        chosen = tf.one_hot(given, self.generator.vocabulary_size)
        log_probs = tf.reduce_sum(tf.nn.log_softmax(self._logits(token_ids)) * chosen, axis=2)
        log_probs = or_nan(tf.where(token_ids == PADDING, 0.0, log_probs), is_wrong)
        inside = tf.minimum(token_ids, self.generator.vocabulary_size - 1)
        real = tf.sigmoid(self.discriminator(tf.maximum(inside, PADDING), training=False))
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
        outside, goes_on = (is_wrong for is_wrong, _ in token_errors(token_ids, self.generator))
        return outside | goes_on


def export_portable(target, generator, discriminator, file_format, version=None):
    """Writes a new version: TARGET/<version>/next_token.onnx and score_tokens.onnx, or model.tflite with both.

    Args:
        target, version: see `new_version`.
        generator: a `Generator`.
        discriminator: a `Discriminator`.
        file_format: "onnx" or "litert".

    Returns:
        Path of the version.

    Raises:
        ValueError: another format; or see `new_version`.
        ImportError: "onnx" without tf2onnx.
    """
    if file_format not in FORMATS:
        raise ValueError(f"`format` must be one of {['saved_model', *FORMATS]}. Received: {file_format!r}")
    signatures = PortableSignatures(generator, discriminator)
    with new_version(target, version) as (folder, destination):
        (_write_onnx if file_format == "onnx" else _write_litert)(signatures, folder)
    return destination


def _write_onnx(signatures, folder):
    try:
        import tf2onnx
    except ImportError as error:
        raise ImportError("the format onnx needs tf2onnx: pip install 'seqgan-tf[onnx]'") from error
    for name, (function, specs) in signatures.functions.items():
        path = str(folder / f"{name}.onnx")
        tf2onnx.convert.from_function(tf.function(function, specs), specs, opset=ONNX_OPSET, output_path=path)


def _write_litert(signatures, folder):
    with tempfile.TemporaryDirectory() as saved:
        save(signatures.functions, saved, signatures)
        names = list(signatures.functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=names)
        (folder / "model.tflite").write_bytes(converter.convert())
