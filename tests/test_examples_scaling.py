"""The files of examples/scaling: the manifest gives each worker a TF_CONFIG, and the script is Python."""

import ast
import json
import os
import pathlib
import subprocess

import pytest
import yaml

from seqgan_tf.cli.main import parse
from seqgan_tf.runs import cluster

FOLDER = pathlib.Path(__file__).parent.parent / "examples" / "scaling"


@pytest.fixture
def manifest():
    """The Service and the Job."""
    return list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8")))


def started(container, index, folder):
    """TF_CONFIG and the arguments that a worker of the Job starts `seqgan-tf` with."""
    program = folder / "seqgan-tf"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$TF_CONFIG" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    variables |= {"RUN": str(folder), "JOB_COMPLETION_INDEX": str(index), "PATH": f"{folder}:{os.environ['PATH']}"}
    command = [*container["command"], *container["args"]]
    config, *arguments = subprocess.run(
        command, env=variables, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    return config, arguments[:-1]


def test_each_pod_is_one_of_the_workers_and_finds_the_others(manifest, monkeypatch, tmp_path):
    service, job = manifest
    spec = job["spec"]
    pod, number = spec["template"]["spec"], spec["completions"]
    (container,) = pod["containers"]
    (port,) = service["spec"]["ports"]
    assert spec["completionMode"] == "Indexed"
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": job["metadata"]["name"]}
    assert {variable["name"]: variable["value"] for variable in container["env"]}["WORKERS"] == str(number)
    assert spec["parallelism"] == number
    assert pod["subdomain"] == service["metadata"]["name"]
    names = tuple(f"{job['metadata']['name']}-{i}.{pod['subdomain']}:{port['port']}" for i in range(number))
    for index in range(number):
        config, arguments = started(container, index, tmp_path)
        monkeypatch.setenv("TF_CONFIG", json.dumps(json.loads(config)))
        assert cluster.read_cluster() == cluster.Cluster(names, index)
        assert parse(arguments).strategy == cluster.MULTI_WORKER


def test_a_pod_that_is_started_again_resumes_the_run(manifest, tmp_path):
    (container,) = manifest[1]["spec"]["template"]["spec"]["containers"]
    assert "--resume" not in started(container, 0, tmp_path)[1]
    (tmp_path / "config.toml").touch()
    assert started(container, 0, tmp_path)[1][-1] == "--resume"


def test_wrong_input_is_not_tried_again(manifest):
    (rule,) = manifest[1]["spec"]["podFailurePolicy"]["rules"]
    assert rule == {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2]}}


def test_the_script_of_ray_is_python_that_makes_the_strategy_first():
    tree = ast.parse((FOLDER / "ray_train.py").read_text(encoding="utf-8"))
    (train,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert "MultiWorkerMirroredStrategy()" in ast.unparse(train.body[1])
