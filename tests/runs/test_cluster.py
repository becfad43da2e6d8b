import json

import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.runs import cluster

PAIR = {"worker": ["a:1", "b:2"]}


def config(monkeypatch, addresses, job="worker", index=0):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": addresses, "task": {"type": job, "index": index}}))


def test_a_cluster_of_workers(monkeypatch):
    config(monkeypatch, PAIR, index=1)
    assert cluster.read_cluster() == cluster.Cluster(("a:1", "b:2"), 1)


@pytest.mark.parametrize(("job", "index", "number"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)])
def test_the_chief_is_the_first_of_all(monkeypatch, job, index, number):
    config(monkeypatch, PAIR | {"chief": ["c:3"]}, job, index)
    found = cluster.read_cluster()
    assert (found.addresses, found.index) == (("c:3", "a:1", "b:2"), number)
    assert found.number(job, index) == number


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ("", "nothing"),
        ("{", "no JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"),
        ("[1]", "no addresses host:port in `cluster`"),
        ('{"cluster": {"worker": ["a", "b"]}}', "no addresses host:port in `cluster`"),
        ('{"cluster": {"worker": "a:1"}}', "no addresses host:port in `cluster`"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:2"]}}', "tasks of another type: ps"),
        ('{"cluster": {"worker": ["a:1", "b:2"]}}', "a `task` that is none of the cluster: null"),
        (
            '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 2}}',
            'a `task` that is none of the cluster: {"type": "worker", "index": 2}',
        ),
        (
            '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": "0"}}',
            'a `task` that is none of the cluster: {"type": "worker", "index": "0"}',
        ),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}', "one worker, a:1"),
    ],
)
def test_a_wrong_tf_config_is_refused(monkeypatch, text, received):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError) as error:
        cluster.read_cluster()
    assert str(error.value) == (
        'TF_CONFIG must name two or more workers and which one this is, such as {"cluster": {"worker": '
        '["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}, for --strategy multi-worker. '
        f"Received: {received}"
    )


def test_several_workers_do_not_each_train_alone(monkeypatch):
    config(monkeypatch, PAIR)
    cluster.check_strategy("multi-worker")
    with pytest.raises(InputError) as error:
        cluster.check_strategy("one")
    assert str(error.value) == (
        "--strategy must be multi-worker where TF_CONFIG names 2 workers (unset it to train on this machine alone). "
        "Received: one"
    )


def test_other_strategies_need_no_tf_config(monkeypatch):
    for text in ("", '{"task": {}}'):
        monkeypatch.setenv("TF_CONFIG", text)
        cluster.check_strategy("one")
