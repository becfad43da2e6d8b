"""A REINFORCE agent that knows the Gymnasium environment alone, and the trainer on as many sequences.

Both begin with the same weights. The discriminator stays as it was pre-trained, so both get the same rewards.
"""

import gymnasium
import keras
import numpy as np
import tensorflow as tf

import seqgan_tf as sg

UPDATES, BATCH = 200, 64

corpus = sg.OracleCorpus(sg.Oracle(vocabulary_size=200, seed=0), sequence_length=10, batch_size=BATCH)
length = corpus.sequence_length


def policy() -> sg.Generator:
    """The network of the agent and of the trainer."""
    network = sg.Generator(corpus.vocabulary_size, 32, 32, start_token_id=0, seed=1)
    network(corpus.train_token_ids[:1])  # makes the weights
    return network


gan = sg.SeqGAN(
    policy(),
    sg.Discriminator(corpus.vocabulary_size, length, widths=[1, 2, 3], filters=[64, 64, 64], seed=1),
    sg.TerminalReward(),
    batch_size=BATCH,
    discriminator_steps=1,
)
gan.compile(keras.optimizers.Adam(5e-3, global_clipnorm=5.0), keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-2))
gan.pretrain_generator(corpus.train, epochs=3, verbose=0)
gan.pretrain_discriminator(corpus.train, steps=200, verbose=0)
gan.discriminator_optimizer.learning_rate = 0.0

agent, optimizer = policy(), keras.optimizers.Adam(5e-3, global_clipnorm=5.0)
agent.set_weights(gan.generator.get_weights())
envs = gymnasium.make_vec("seqgan_tf.environments:SeqGAN/Token-v0", num_envs=BATCH, gan=gan, autoreset_mode="Disabled")
draw, logits_of = np.random.default_rng(1), tf.function(agent)


@tf.function
def update(token_ids: tf.Tensor, advantages: tf.Tensor) -> None:
    """One policy gradient step."""
    with tf.GradientTape() as tape:
        log_probs = sg.losses.token_log_probs(agent(token_ids), token_ids)
        loss = -tf.reduce_mean(tf.reduce_sum(log_probs, axis=1) * advantages)
    optimizer.apply(tape.gradient(loss, agent.trainable_variables), agent.trainable_variables)


rewards_of_agent = []
for _ in range(UPDATES):
    observations, _ = envs.reset()
    returns = np.zeros(BATCH)
    for _ in range(length):  # without an end token all episodes are equally long
        logits = logits_of(observations["token_ids"]).numpy()[np.arange(BATCH), observations["length"]]
        actions = np.argmax(logits + draw.gumbel(size=logits.shape), axis=1)
        observations, rewards, *_ = envs.step(actions)
        returns += rewards
    others = (returns.sum() - returns) / (BATCH - 1)
    update(observations["token_ids"], (returns - others).astype(np.float32))
    rewards_of_agent.append(returns.mean())

history = gan.fit(corpus.train, epochs=UPDATES, steps_per_epoch=1, verbose=0).history
for name, means in (("agent", rewards_of_agent), ("trainer", history["reward"])):
    print(
        f"{name}: mean reward {np.mean(means[:10]):.3f} in the first 10 updates, {np.mean(means[-10:]):.3f} in the last"
    )
