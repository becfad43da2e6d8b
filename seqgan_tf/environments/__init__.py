"""The token MDP as an environment of Gymnasium. Importing this registers `SeqGAN/Token-v0`."""

from seqgan_tf.environments.registration import ENVIRONMENT_ID
from seqgan_tf.environments.token_env import TokenEnv
from seqgan_tf.environments.token_vector_env import TokenVectorEnv

__all__ = ["ENVIRONMENT_ID", "TokenEnv", "TokenVectorEnv"]
