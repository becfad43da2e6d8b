"""Registers the environment in Gymnasium when it is imported, and says which extra is missing without Gymnasium."""

from seqgan_tf.core.validation import require

require("gymnasium", "The environment", extra="gymnasium")

import gymnasium  # noqa: E402

ENVIRONMENT_ID = "SeqGAN/Token-v0"
"""What `gymnasium.make` and `gymnasium.make_vec` take."""

if ENVIRONMENT_ID not in gymnasium.registry:
    gymnasium.register(
        ENVIRONMENT_ID,
        entry_point="seqgan_tf.environments.token_env:TokenEnv",
        vector_entry_point="seqgan_tf.environments.token_vector_env:TokenVectorEnv",
    )
