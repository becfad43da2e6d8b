"""A stand-in for TensorFlow Serving: its REST and gRPC predict calls on 127.0.0.1, over a SavedModel in this process.

It implements the documented formats of the server, without batching and without loading versions while it runs.
"""

import concurrent.futures
import http.server
import json
import re
import threading

import grpc
import numpy as np
import served
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?(:predict|/metadata)")
HTTP_STATUS = {grpc.StatusCode.NOT_FOUND: 404, grpc.StatusCode.INVALID_ARGUMENT: 400}


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def invalid(message):
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


class StandIn:
    """Serves all versions of one model inside a `with` block; `rest` is its URL and `grpc` its address.

    Args:
        target: path of the served model; its name is the model's name.
        before: called with the signature's name before each prediction. Defaults to None.
    """

    def __init__(self, target, before=None):
        self.name, self.before = target.name, before
        self.paths = {int(path.name): path for path in target.iterdir() if path.name.isdigit()}
        self.models = {version: served.loaded(path) for version, path in self.paths.items()}

    def __enter__(self):
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads, self._http.stand_in = True, self
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        self._grpc = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Servicer(self), self._grpc)
        self.rest = f"http://127.0.0.1:{self._http.server_port}"
        self.grpc = f"127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._grpc.start()
        return self

    def __exit__(self, *exception):
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(None).wait()

    def version(self, name, version=None):
        wanted = max(self.models) if version is None else version
        if name != self.name or wanted not in self.models:
            asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise Refused(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {asked}")
        return wanted

    def specs(self, version, signature):
        """{name: TensorSpec} of a signature's inputs."""
        signatures = self.models[version].signatures
        if signature not in signatures:
            raise invalid(f'Serving signature name: "{signature}" not found in signature def')
        return signatures[signature].structured_input_signature[1]

    def predict(self, version, signature, inputs):
        """{name: numpy array} for inputs {name: list or array}."""
        specs = self.specs(version, signature)
        if set(inputs) != set(specs):
            raise invalid(f"input keys must be {sorted(specs)}. Received: {sorted(inputs)}")
        if self.before:
            self.before(signature)
        try:
            tensors = {name: _tensor(value, specs[name].dtype) for name, value in inputs.items()}
            outputs = self.models[version].signatures[signature](**tensors)
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            raise invalid(str(error)) from error
        return {name: value.numpy() for name, value in outputs.items()}

    def metadata(self, version):
        """The answer to a request for the metadata: a protocol buffer."""
        saved = saved_model_pb2.SavedModel.FromString((self.paths[version] / "saved_model.pb").read_bytes())
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=saved.meta_graphs[0].signature_def)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.name, answer.model_spec.version.value = self.name, version
        answer.metadata["signature_def"].Pack(signatures)
        return answer


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self._answer("/metadata", self._metadata)

    def do_POST(self):
        self._answer(":predict", self._predict)

    def _answer(self, action, respond):
        try:
            match = PATH.fullmatch(self.path)
            if not match or match[3] != action:
                raise invalid(f"Malformed request: {self.command} {self.path}")
            version = self.server.stand_in.version(match[1], match[2] and int(match[2]))
            status, content = 200, respond(version)
        except Refused as error:
            status, content = HTTP_STATUS[error.code], json.dumps({"error": str(error)})
        content = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _metadata(self, version):
        answer = self.server.stand_in.metadata(version)
        settings = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
        return json_format.MessageToJson(answer, **settings)

    def _predict(self, version):
        stand_in = self.server.stand_in
        try:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        except ValueError as error:
            raise invalid(f"JSON Parse error: {error}") from error
        signature = body.get("signature_name", "serving_default")
        names = list(stand_in.specs(version, signature))
        if ("instances" in body) == ("inputs" in body):
            raise invalid("a request has either 'instances' or 'inputs'")
        if "inputs" in body:
            inputs = body["inputs"]
            outputs = stand_in.predict(version, signature, inputs if isinstance(inputs, dict) else {names[0]: inputs})
            return json.dumps({"outputs": _unless_one({name: _plain(value) for name, value in outputs.items()})})
        rows = [row if isinstance(row, dict) else {names[0]: row} for row in body["instances"]]
        if not rows or any(set(row) != set(rows[0]) for row in rows):
            raise invalid("every object of 'instances' must have the same keys")
        outputs = stand_in.predict(version, signature, {name: [row[name] for row in rows] for name in rows[0]})
        columns = [_plain(value) for value in outputs.values()]
        rows = [_unless_one(dict(zip(outputs, row, strict=True))) for row in zip(*columns, strict=True)]
        return json.dumps({"predictions": rows})  # NaN as the server writes it, which is no valid JSON

    def log_message(self, *arguments):
        pass


def _tensor(value, dtype):
    array = np.array(value)
    if dtype == tf.int32 and not np.array_equal(array.astype(np.int32), array):  # TensorFlow would let it overflow
        raise invalid("a value is not of expected type: int32")
    return tf.constant(value, dtype)


def _plain(array):
    """An array as a list that JSON can hold."""
    if array.dtype != object:
        return array.tolist()
    return [value.decode() for value in array.tolist()]


def _unless_one(values):
    """{name: value}, or the value itself where there is only one."""
    return values if len(values) > 1 else next(iter(values.values()))


class _Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, stand_in):
        self.stand_in = stand_in

    def Predict(self, request, context):
        spec = request.model_spec
        try:
            version = self.stand_in.version(spec.name, spec.version.value if spec.HasField("version") else None)
            inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
            outputs = self.stand_in.predict(version, spec.signature_name or "serving_default", inputs)
        except Refused as error:
            context.abort(error.code, str(error))
        answer = predict_pb2.PredictResponse()
        answer.model_spec.CopyFrom(spec)
        answer.model_spec.version.value = version
        for name, value in outputs.items():
            answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return answer
