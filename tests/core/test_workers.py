"""Training in two processes, against the same training in one."""

import json

import pytest
import two_devices
import two_workers
import worker_script

from seqgan_tf.core import workers


@pytest.mark.long
def test_all_phases_on_two_workers_equal_those_on_one_device(tmp_path):
    files = [tmp_path / f"{index}.json" for index in range(2)]
    two_workers.run_script(worker_script.__file__, *files)
    expected = worker_script.train_both(None)
    for file in files:
        two_devices.assert_close(json.loads(file.read_text()), expected, 1e-5)


def test_one_process_agrees_with_itself():
    strategy = two_devices.mirrored()  # two replicas, both here
    for own in (None, strategy):
        assert not workers.are_several(own)
        assert workers.of_first(own, 0.3) == 0.3
        assert workers.on_any(own, True) is True
        assert workers.on_any(own, False) is False
