"""Trains on two workers of Ray Train, which makes TF_CONFIG for each. Needs `pip install 'ray[train]'`.

python examples/scaling/ray_train.py
"""

import ray.train
import tensorflow as tf
from ray.train.tensorflow import TensorflowTrainer

import seqgan_tf as sg


def train(config):
    """What each worker runs."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before any other operation of TensorFlow
    with strategy.scope():
        corpus = sg.OracleCorpus(sg.Oracle(50), sequence_length=8, num_train=64, num_held_out=20, batch_size=16)
        gan = sg.SeqGAN(sg.Generator(50), sg.Discriminator(50, 8), sg.MonteCarloRollout(num_rollouts=2), batch_size=16)
        gan.compile("adam", "adam")
        gan.pretrain_generator(corpus.train, epochs=config["epochs"], verbose=0)
        gan.pretrain_discriminator(corpus.train, steps=2, verbose=0)
        history = gan.fit(corpus.train, epochs=2, steps_per_epoch=1, verbose=0).history
    if ray.train.get_context().get_world_rank() == 0:  # the worker that also writes files
        print(f"{strategy.num_replicas_in_sync} replicas, rewards {history['reward']}")
    ray.train.report({"reward": history["reward"][-1]})


if __name__ == "__main__":
    trainer = TensorflowTrainer(
        train,
        train_loop_config={"epochs": 1},
        scaling_config=ray.train.ScalingConfig(num_workers=2, use_gpu=False),
    )
    trainer.fit()
