"""Completions of prefixes: every prefix of every sequence of a batch, in one compiled loop.

What the generator needs of the prefixes is computed once, by teacher forcing, and all their completions start from it
(`core.branching`). A prefix of k tokens needs T - k more, so that the prefixes 1 to T-1 take T (T - 1) / 2 steps per
sequence and roll-out. Tensors of a static shape would take more if each completion had a row of its own; so short
completions run one after another in one row, called a lane (`pack_lanes`).

Axes: B batch, T sequence length, K prefixes.
"""

import numpy as np
import tensorflow as tf

from seqgan_tf.core import sampling, seeds
from seqgan_tf.core.branching import CacheBranches, StateBranches
from seqgan_tf.core.sequences import PADDING


def pack_lanes(durations: list[int]) -> tuple[int, list[tuple[int, int]]]:
    """Packs jobs into lanes of equal capacity so that lanes * capacity, the cost, is smallest.

    First fit, longest job first, tried for every capacity from the longest job to twice that. For the durations
    1, ..., n no step is wasted.

    Args:
        durations: positive ints.

    Returns:
        (capacity, placements), placements[j] = (lane, offset) of job j.
    """
    longest = max(durations)
    order = sorted(range(len(durations)), key=lambda j: -durations[j])
    best: tuple[int, int, list[tuple[int, int]]] | None = None
    for capacity in range(longest, 2 * longest + 1):
        used: list[int] = []
        placements = [(0, 0)] * len(durations)
        for j in order:
            lane = next((i for i, u in enumerate(used) if u + durations[j] <= capacity), len(used))
            if lane == len(used):
                used.append(0)
            placements[j] = (lane, used[lane])
            used[lane] += durations[j]
        if best is None or len(used) * capacity < best[0]:
            best = (len(used) * capacity, capacity, placements)
    assert best is not None
    return best[1], best[2]


def complete(
    token_ids: tf.Tensor, prefixes: list[int], branches: StateBranches | CacheBranches, seed: tf.Tensor
) -> tf.Tensor:
    """Completes each prefix of each sequence once.

    Args:
        token_ids: int32 [B, T].
        prefixes: K prefix lengths, ints in [1, T).
        branches: `core.branching.branches_of` the roll-out policy and token_ids[:, :-1].
        seed: int32 [2].

    Returns:
        int32 [K, B, T]: row [k, b] begins with the first prefixes[k] tokens of sequence b. Where these contain the
        end token, it is the sequence itself.
    """
    if isinstance(branches, StateBranches) and branches.has_scalars:
        return _one_after_another(token_ids, prefixes, branches, seed)
    batch_size, sequence_length = tf.shape(token_ids)[0], token_ids.shape[1]
    steps, placements = pack_lanes([sequence_length - prefix for prefix in prefixes])
    lanes = 1 + max(lane for lane, _ in placements)
    begins = np.zeros([steps, lanes], np.int32)  # length of the prefix that a lane starts from at a step; 0: none
    positions = np.zeros([len(prefixes), sequence_length], np.int32)  # of each completed token among those drawn
    for k, (prefix, (lane, offset)) in enumerate(zip(prefixes, placements, strict=True)):
        begins[offset, lane] = prefix
        positions[k, prefix:] = (offset + np.arange(sequence_length - prefix)) * lanes + lane

    tokens = tf.transpose(token_ids)  # [T, B]
    ended = tf.equal(tokens, PADDING)
    if branches.end_token_id is not None:
        ended |= tf.equal(tokens, branches.end_token_id)

    def branch(i, token, state, finished):
        prefix = tf.gather(tf.constant(begins), i)  # [lanes]
        last = tf.maximum(prefix - 1, 0)  # the last token of the prefix, which is fed first
        begin = tf.repeat(prefix > 0, batch_size)  # [lanes * B]

        def put(source, current):  # source: [T, B], current: [lanes * B]
            put_in = tf.where(begin, tf.reshape(tf.gather(source, last), tf.shape(current)), current)
            return tf.ensure_shape(put_in, current.shape)  # of a single row, `where` does not infer it

        state = branches.branch(state, begin, tf.repeat(last, batch_size))
        return put(tokens, token), state, put(ended, finished)

    rows = lanes * (token_ids.shape[0] or batch_size)
    first, finished = tf.zeros([rows], tf.int32), tf.zeros([rows], tf.bool)
    state = branches.initial_state(rows, steps)
    drawn = sampling.decode(branches, first, state, finished, steps, seed, branch=branch)
    drawn = tf.gather(tf.reshape(drawn, [steps * lanes, batch_size]), positions)  # [K, T, B]
    given = np.arange(sequence_length) < np.array(prefixes)[:, None]  # [K, T]
    return tf.where(given[:, np.newaxis], token_ids, tf.transpose(drawn, [0, 2, 1]))


def _one_after_another(
    token_ids: tf.Tensor, prefixes: list[int], branches: StateBranches, seed: tf.Tensor
) -> tf.Tensor:
    """`complete` for a generator with scalars in its state, which all rows of a step share.

    Prefixes of different lengths cannot share a step then, so each prefix is completed in a loop of its own.
    """
    rows = []
    for number, prefix in enumerate(prefixes):
        given = token_ids[:, :prefix]
        ended = tf.equal(given[:, -1], PADDING)
        if branches.end_token_id is not None:
            ended |= tf.equal(given[:, -1], branches.end_token_id)
        state, steps = branches.state_after(prefix - 1), token_ids.shape[1] - prefix
        drawn = sampling.decode(branches, given[:, -1], state, ended, steps, seeds.fold_in(seed, number))
        rows.append(tf.concat([given, tf.transpose(drawn)], axis=1))
    return tf.stack(rows)
