"""Steps of the Gymnasium environment in the paper's setting: how many tokens a second an agent can append."""

import numpy as np
import paper_setting as paper
import pytest

from seqgan_tf.environments import TokenVectorEnv
from seqgan_tf.models.oracle import Oracle

SETTINGS = {
    "terminal": {},
    "oracle": {"oracle": Oracle(seed=0)},
    "rollout": {"num_rollouts": 4},
}


@pytest.mark.parametrize("rows", [1, 64])
@pytest.mark.parametrize("reward", SETTINGS)
def bench_environment(benchmark, reward, rows):
    """A whole episode of each row; its steps per second are in the table."""
    gan = paper.make()
    envs = TokenVectorEnv(rows, "Disabled", gan=gan, reward=reward, **SETTINGS[reward])
    tokens = np.asarray(paper.draw(gan, rows))

    def episode():
        envs.reset(seed=1)
        for actions in tokens.T:
            envs.step(actions)

    info = {"row": f"environment, `{reward}`, {rows} at once", "flop": 0, "device": paper.device()}
    benchmark.extra_info |= info | {"steps": rows * paper.T}
    benchmark.pedantic(episode, rounds=5, warmup_rounds=2)
