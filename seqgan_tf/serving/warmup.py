"""The requests with which TF Serving warms a version up before it takes traffic."""

from pathlib import Path

import numpy as np
import tensorflow as tf


def write_warmup(directory, name, signatures):
    """Writes one request a signature, of one row, where TF Serving looks for them.

    Args:
        directory: path of a version.
        name: str, the model's name.
        signatures: `Signatures`.

    Raises:
        ImportError: tensorflow-serving-api is not installed.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError as error:
        raise ImportError("warm-up requests need tensorflow-serving-api: pip install 'seqgan-tf[serving]'") from error
    ordinary = {"seed": [[1, 0]], "temperature": [1.0], "top_p": [1.0], "text": [""]}
    ordinary["token_ids"] = np.full([1, signatures.sequence_length], -1)
    path = Path(directory) / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, (_, specs) in signatures.functions.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = name, signature
            for spec in specs:
                request.inputs[spec.name].CopyFrom(tf.make_tensor_proto(ordinary[spec.name], spec.dtype))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
