"""PPO of stable-baselines3, where it is installed, trains an agent through the environment."""

import gymnasium
import numpy as np
import pytest

from seqgan_tf.environments import ENVIRONMENT_ID

sb3 = pytest.importorskip("stable_baselines3")

import torch  # noqa: E402
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor  # noqa: E402


class OneHot(BaseFeaturesExtractor):
    """Token ids are no quantities: each position is one-hot, with an entry for "no token yet"."""

    def __init__(self, space):
        tokens = space["token_ids"]
        self.kinds = int(tokens.high.max()) + 2
        super().__init__(space, tokens.shape[0] * self.kinds)

    def forward(self, observations):
        return torch.nn.functional.one_hot(observations["token_ids"].long() + 1, self.kinds).flatten(1).float()


def returns(agent, env, episodes=200):
    """The sums of the rewards of sampled episodes: float [episodes]."""
    found = []
    for _ in range(episodes):
        observation, _ = env.reset()
        total, terminated = 0.0, False
        while not terminated:
            action, _ = agent.predict(observation)
            observation, reward, terminated, _, _ = env.step(int(action))
            total += reward
        found.append(total)
    return np.array(found)


@pytest.mark.long
def test_ppo_raises_the_reward(whole):
    env = gymnasium.make(ENVIRONMENT_ID, run_dir=whole.directory, reward="oracle")
    agent = sb3.PPO(
        "MultiInputPolicy",
        env,
        learning_rate=3e-3,
        n_steps=500,
        batch_size=100,
        gamma=1.0,
        policy_kwargs={"features_extractor_class": OneHot},
        seed=1,
    )
    before = returns(agent, env)
    agent.learn(5_000)
    after = returns(agent, env)
    print(f"mean log-likelihood under the oracle: {before.mean():.2f}, after PPO {after.mean():.2f} nats")
    # As far above the start as no mean of 200 sequences of an untrained policy is.
    assert after.mean() > before.mean() + 10 * before.std() / np.sqrt(len(before))
