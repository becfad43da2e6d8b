"""Why a sequence: what each of its tokens is worth, what the discriminator goes by, and where the generator looked.

Axes: n sequences, T sequence length, K alternatives.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core.conditions import check_rows, condition_on, take_rows, takes_condition
from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.sequences import check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least, whole_number
from seqgan_tf.metrics.attributions import logit_attributions
from seqgan_tf.reports.explanation import Alternative, ExplainedToken, Explanation, Ngram
from seqgan_tf.reports.reading import reading_of
from seqgan_tf.reports.token_texts import token_texts
from seqgan_tf.rewards.action_values import action_values
from seqgan_tf.rewards.sequence_rewards import LogOdds

if TYPE_CHECKING:
    from seqgan_tf.runs.directory import Run

ROLLOUTS, TOP_K = 16, 3


def explain(
    run: "Run",
    token_ids: np.ndarray,
    condition: Any = None,
    num_rollouts: int = ROLLOUTS,
    top_k: int = TOP_K,
    seed: int = 1,
) -> list[Explanation]:
    """Explains sequences by the generator and the discriminator of a run.

    The reward is that of the run's estimator; without one, and where the run has an objective that was not imported
    (see `runs.directory.open_run`), the clipped log-odds of the discriminator.

    Args:
        run: the run, with its weights, such as `load_run` returns.
        token_ids: int [n, T], padded with -1, such as `run.gan.generate` returns, or `token_ids_of` a text.
        condition: the conditions, a nest of arrays [n, ...], such as `run.source.conditions.encode` returns. Defaults
            to None: there are none.
        num_rollouts: completions of each beginning. Defaults to 16.
        top_k: K, alternatives of each token; fewer where the vocabulary is smaller. Defaults to 3.
        seed: makes the roll-outs reproducible. Defaults to 1.

    Returns:
        An explanation per sequence.

    Raises:
        InputError: ids outside the vocabulary, sequences that are too long,
            a number below 1, or conditions that are missing or not expected.

    Example:
    ```python
    import seqgan_tf as sg

    run = sg.load_run("runs/poems")
    (found,) = sg.explain(run, run.gan.generate(1, seed=1))
    print(max(found.tokens, key=lambda token: token.advantage).token)
    ```
    """
    num_rollouts, top_k = whole_number("num_rollouts", num_rollouts), whole_number("top_k", top_k)
    check_at_least(1, num_rollouts=num_rollouts, top_k=top_k)
    gan = run.gan
    check_token_ids(token_ids, gan.generator.vocabulary_size)
    token_ids = np.asarray(token_ids, np.int32)
    check_rows(gan.generator, condition, len(token_ids))
    of_discriminator = condition if takes_condition(gan.discriminator) else None
    attributions = logit_attributions(gan.discriminator, token_ids, of_discriminator)
    reward = getattr(gan.reward_estimator, "sequence_reward", None) or LogOdds()
    explained = []
    for row, tokens in enumerate(token_ids):
        given = None if condition is None else take_rows(condition, tf.constant([row]))
        kept, logit = tokens[tokens != PADDING], float(attributions.logits[row])
        names, ngrams = token_texts(run, kept), None
        if attributions.windows is not None:
            ngrams = [
                Ngram(" ".join(names[w.start : w.start + w.width]), w.start, w.width, w.filters, w.weight)
                for w in attributions.windows[row]
            ]
        policy = condition_on(gan.generator, given)
        logits = policy(tokens[np.newaxis], training=False)[0, : len(kept)]
        probabilities = np.asarray(tf.nn.softmax(logits), np.float64)
        others = _preferred(probabilities, kept, top_k)  # [tokens, K]
        values = action_values(
            _beginnings(tokens, others), gan.generator, gan.discriminator, reward, num_rollouts, seed, given
        )
        means, errors = (part.reshape(len(kept), -1) for part in values)  # [tokens, 1 + K]
        explained_tokens = [
            _token(
                [names[t], *token_texts(run, others[t])],
                np.append(kept[t], others[t]),
                probabilities[t],
                means[t],
                errors[t],
                float(attributions.tokens[row, t]),
            )
            for t in range(len(kept))
        ]
        explained.append(
            Explanation(
                text=run.decode(tokens[np.newaxis])[0],
                condition=None if given is None else _condition_text(run, given),
                reward=" + ".join(term.log_name for term, weight in reward.terms if weight),
                num_rollouts=num_rollouts,
                logit=logit,
                probability_real=float(np.exp(-np.logaddexp(0, -logit))),
                method=attributions.method,
                tokens=explained_tokens,
                rest=float(attributions.rest[row]),
                gap=float(attributions.gap[row]),
                ngrams=ngrams,
                base=None if attributions.base is None else float(attributions.base[row]),
                **reading_of(run, kept, given)._asdict(),
            )
        )
    return explained


def token_ids_of(run: "Run", text: str) -> np.ndarray:
    """A text as a sequence of a run, for `explain`: int32 [1, T].

    Raises:
        InputError: the run reads no text, the text holds tokens that are not in the vocabulary, it is too long, or it
            has fewer tokens than all sequences of a run without an end token have.
    """
    tokenizer, length = run.tokenizer, run.settings.sequence_length
    if tokenizer is None:
        raise InputError(f"--text needs a run on text. Received: a run on {run.settings.task}")
    if unknown := tokenizer.unknown_parts(text):
        raise InputError(f"--text must hold tokens of the vocabulary only. Received: {', '.join(map(repr, unknown))}")
    (tokens,) = tokenizer.ended_tokens([text], length + 1)
    if len(tokens) > length:
        raise InputError(
            f"--text must have at most {tokenizer.capacity(length)} tokens, those of the model. "
            f"Received: {len(tokenizer.encode([text])[0])}"
        )
    if tokenizer.end_token_id is None and len(tokens) < length:
        raise InputError(f"--text must have {length} tokens, as all sequences of the run. Received: {len(tokens)}")
    return np.pad(np.array([tokens], np.int32), [(0, 0), (0, length - len(tokens))], constant_values=PADDING)


def _preferred(probabilities: np.ndarray, tokens: np.ndarray, top_k: int) -> np.ndarray:
    """The K most probable tokens at each place beside the one that is there: int [n, K] of floats [n, V]."""
    others = probabilities.copy()
    others[np.arange(len(tokens)), tokens] = -1.0
    return np.argsort(-others, axis=1, kind="stable")[:, : min(top_k, others.shape[1] - 1)]


def _beginnings(tokens: np.ndarray, others: np.ndarray) -> np.ndarray:
    """What is valued: int32 [n * (1 + K), T], of each place the beginning with its token, then with each other one."""
    rows = np.full([len(others), 1 + others.shape[1], len(tokens)], PADDING, np.int32)
    for t, alternatives in enumerate(others):
        rows[t, :, :t] = tokens[:t]
        rows[t, :, t] = np.append(tokens[t], alternatives)
    return rows.reshape(-1, len(tokens))


def _token(
    texts: list[str],
    token_ids: np.ndarray,
    probabilities: np.ndarray,
    values: np.ndarray,
    errors: np.ndarray,
    logit_share: float,
) -> ExplainedToken:
    """What is known of a token, the first of 1 + K, and of its alternatives."""
    all_of_them = [
        Alternative(text, int(token), float(probabilities[token]), float(value), float(error))
        for text, token, value, error in zip(texts, token_ids, values, errors, strict=True)
    ]
    weights = probabilities[token_ids[1:]]
    weights = weights / weights.sum() if weights.sum() > 0 else np.full(len(weights), 1 / len(weights))
    return ExplainedToken(
        **dataclasses.asdict(all_of_them[0]),
        logit_share=logit_share,
        advantage=float(values[0] - weights @ values[1:]),
        advantage_error=float(np.sqrt(errors[0] ** 2 + weights**2 @ errors[1:] ** 2)),
        alternatives=all_of_them[1:],
    )


def _condition_text(run: "Run", condition: Any) -> str:
    assert run.source.conditions is not None
    return "\n".join(run.source.conditions.decode(tf.nest.map_structure(np.asarray, condition)))
