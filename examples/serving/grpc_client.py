"""Completes texts over gRPC: python examples/serving/grpc_client.py --model captions "a man" "two dogs" """

import argparse
import sys

try:
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is missing: pip install 'seqgan-tf[serving]'")

from rows import add_arguments, rows


def main() -> int:
    parser = argparse.ArgumentParser(description="Complete texts with a served model, over gRPC.")
    add_arguments(parser)
    parser.add_argument("--address", default="localhost:8500")
    arguments = parser.parse_args()
    if arguments.seed not in range(2**31):
        parser.error("--seed must be in [0, 2**31)")

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = arguments.model, "complete"
    instances = rows(parser, arguments)
    for name in instances[0]:
        dtype = {"seed": tf.int32, "temperature": tf.float32}.get(name, tf.string)
        request.inputs[name].CopyFrom(tf.make_tensor_proto([row[name] for row in instances], dtype))
    with grpc.insecure_channel(arguments.address) as channel:
        try:
            outputs = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60).outputs
        except grpc.RpcError as error:
            sys.exit(f"{arguments.address}: {error.code().name}: {error.details()}")
    answers, errors = (tf.make_ndarray(outputs[name]) for name in ("text", "error"))
    for row, answer, error in zip(instances, answers, errors, strict=True):
        if error:
            print(f"{row['text']}: {error.decode()}", file=sys.stderr)
        else:
            print(answer.decode())
    return int(any(errors))


if __name__ == "__main__":
    sys.exit(main())
