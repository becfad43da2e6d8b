"""Completes texts over gRPC: python examples/serving/grpc_client.py --model captions "a man" "two dogs" """

import argparse
import sys

try:
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is missing: pip install 'seqgan-tf[serving]'")


def main() -> int:
    parser = argparse.ArgumentParser(description="Complete texts with a served model, over gRPC.")
    parser.add_argument("texts", nargs="+", metavar="TEXT", help='beginning of a text; "" draws a whole text')
    parser.add_argument("--model", required=True, help="name of the served model")
    parser.add_argument("--address", default="localhost:8500")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="text i, counted from 0, is drawn with the seed [SEED, i]")
    arguments = parser.parse_args()
    if arguments.seed not in range(2**31):
        parser.error("--seed must be in [0, 2**31)")

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = arguments.model, "complete"
    rows = len(arguments.texts)
    inputs = {
        "text": tf.make_tensor_proto(arguments.texts),
        "seed": tf.make_tensor_proto([[arguments.seed, i] for i in range(rows)], tf.int32),
        "temperature": tf.make_tensor_proto([arguments.temperature] * rows, tf.float32),
    }
    for name, tensor in inputs.items():
        request.inputs[name].CopyFrom(tensor)
    with grpc.insecure_channel(arguments.address) as channel:
        try:
            outputs = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60).outputs
        except grpc.RpcError as error:
            sys.exit(f"{arguments.address}: {error.code().name}: {error.details()}")
    answers, errors = (tf.make_ndarray(outputs[name]) for name in ("text", "error"))
    for text, answer, error in zip(arguments.texts, answers, errors, strict=True):
        if error:
            print(f"{text}: {error.decode()}", file=sys.stderr)
        else:
            print(answer.decode())
    return int(any(errors))


if __name__ == "__main__":
    sys.exit(main())
