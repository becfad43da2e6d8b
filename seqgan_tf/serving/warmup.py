"""Warm-up requests: what TF Serving runs on a new version before it sends traffic to it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from seqgan_tf.core.validation import require

if TYPE_CHECKING:
    from seqgan_tf.serving.signatures import Signatures


def write_warmup(directory: str | os.PathLike, name: str, signatures: "Signatures") -> None:
    """Writes one request of one row for each signature, to the file that TF Serving reads.

    Args:
        directory: folder of a version.
        name: the model's name.
        signatures: what the version answers.

    Raises:
        MissingExtraError: tensorflow-serving-api is not installed.
    """
    require("tensorflow_serving", "`warmup`", "serving")
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    ordinary = signatures.ordinary
    path = Path(directory) / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, (_, specs) in signatures.functions.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = name, signature
            for spec in tf.nest.flatten(specs):
                request.inputs[spec.name].CopyFrom(tf.make_tensor_proto(ordinary[spec.name], spec.dtype))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
