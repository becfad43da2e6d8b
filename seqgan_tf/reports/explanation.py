"""What an explanation holds.

Axes: S source length, K alternatives, H and W height and width in pixels, h and w the grid of an image.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Alternative:
    """A token that could have been at the place of another one.

    Attributes:
        token: the token as text.
        token_id: its id.
        probability: that of the generator, given the tokens before it.
        value: Q, the mean reward of completions that begin with the tokens before it and with it.
        standard_error: that of `value`; NaN for a single roll-out.

    Example:
    ```python
    from seqgan_tf.reports.explanation import Alternative

    cat = Alternative("cat", 7, probability=0.2, value=-0.4, standard_error=0.1)
    ```
    """

    token: str
    token_id: int
    probability: float
    value: float
    standard_error: float


@dataclasses.dataclass(frozen=True)
class ExplainedToken(Alternative):
    """A token of a sequence, and what it changes.

    Attributes:
        logit_share: what it adds to the discriminator's logit; negative speaks for "generated".
        advantage: `value` less the mean value of the alternatives, weighted by their probabilities.
        advantage_error: standard error of `advantage`.
        alternatives: the K other tokens that the generator preferred, most probable first.

    Example:
    ```python
    import seqgan_tf as sg

    run = sg.load_run("runs/poems")
    (found,) = sg.explain(run, run.gan.generate(1, seed=1), num_rollouts=2)
    print([(token.token, token.value, token.advantage, token.logit_share) for token in found.tokens])
    ```
    """

    logit_share: float
    advantage: float
    advantage_error: float
    alternatives: list[Alternative]


@dataclasses.dataclass(frozen=True)
class Ngram:
    """A window of the convolutional discriminator that won the maximum of at least one filter.

    Attributes:
        text: its tokens.
        start: its first position.
        width: number of positions; beyond the end of the sequence there is nothing.
        filters: number of filters whose maximum it won.
        weight: what these add to the discriminator's logit.

    Example:
    ```python
    from seqgan_tf.reports.explanation import Ngram

    ngram = Ngram("red cat", start=0, width=2, filters=3, weight=-0.2)
    ```
    """

    text: str
    start: int
    width: int
    filters: int
    weight: float


@dataclasses.dataclass(frozen=True)
class Explanation:
    """A sequence, explained.

    Attributes:
        text: the sequence as text.
        condition: what it was generated for, as text; None where there are no conditions.
        reward: names of the rewards that `value` of the tokens is made of.
        num_rollouts: completions of each beginning.
        logit: of the discriminator, the log-odds that the sequence is real.
        probability_real: sigmoid of it.
        method: how the logit was split.
        tokens: the tokens; logit = sum of their `logit_share` + rest + gap.
        rest: the part of the logit that belongs to no token.
        gap: the numerical error of the split.
        ngrams: windows of the convolutional discriminator, those of large weight first; logit = sum of their weights
            + base + gap. None for other discriminators.
        base: the logit without any of them; None where `ngrams` is.
        source: the positions that the generator reads, as text; cells of an image as "(row, column)" from 1 on. None
            without attention.
        attention: float [number of tokens][S], how much it read from each when it wrote each token; None as `source`.
        image: uint8 [H, W, 3], the image that it reads; None without attention to an image.
        grid: (h, w); the first h * w positions are the cells of the image, row by row. None as `image`.

    Example:
    ```python
    import seqgan_tf as sg

    run = sg.load_run("runs/poems")
    for found in sg.explain(run, run.gan.generate(2, seed=1), num_rollouts=2):
        print(found.text, found.logit, [ngram.text for ngram in found.ngrams[:3]])
    ```
    """

    text: str
    condition: str | None
    reward: str
    num_rollouts: int
    logit: float
    probability_real: float
    method: str
    tokens: list[ExplainedToken]
    rest: float
    gap: float
    ngrams: list[Ngram] | None
    base: float | None
    source: list[str] | None
    attention: list[list[float]] | None
    image: np.ndarray | None = None
    grid: tuple[int, int] | None = None

    @property
    def cells(self) -> int:
        """h * w, the number of the first positions of the source that are cells of an image; 0 without one."""
        return 0 if self.grid is None else self.grid[0] * self.grid[1]

    @property
    def maps(self) -> np.ndarray:
        """float [number of tokens, h, w], how much was read from each cell of the image."""
        assert self.grid is not None
        return np.array(self.attention)[:, : self.cells].reshape(-1, *self.grid)
