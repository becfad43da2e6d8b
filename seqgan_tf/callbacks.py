"""Keras callbacks for `fit` of a `SeqGAN`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from seqgan_tf.core.validation import check_at_least

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Corpus
    from seqgan_tf.data.tokenizer import TextTokenizer


class SampleLogger(keras.callbacks.Callback):
    """Prints samples at the end of each epoch.

    Args:
        corpus: decodes the samples: a corpus, or another object with `decode(token_ids) -> list of str`.
        num_samples: number of samples. Defaults to 5.
        seed: seed of the samples, the same in each epoch, so that only the training changes them. Defaults to 1.
        temperature: divides the logits. Defaults to 1.0.

    Raises:
        InputError: `num_samples` is below 1.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.TextCorpus(["the cat sees the dog", "a dog sees a cat"] * 50, batch_size=8)
    V, T = corpus.vocabulary_size, corpus.sequence_length
    generator = sg.Generator(V, end_token_id=corpus.end_token_id)
    gan = sg.SeqGAN(generator, sg.Discriminator(V, T), sg.MonteCarloRollout(2), batch_size=8)
    gan.compile()
    gan.fit(corpus.train, steps_per_epoch=1, callbacks=[sg.callbacks.SampleLogger(corpus, num_samples=3)], verbose=0)
    ```
    """

    def __init__(self, corpus: "Corpus | TextTokenizer", num_samples: int = 5, seed: int = 1, temperature: float = 1.0):
        super().__init__()
        check_at_least(1, num_samples=num_samples)
        self.corpus = corpus
        self.num_samples = num_samples
        self.seed = seed
        self.temperature = temperature

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Prints the samples."""
        samples = self.model.generate(self.num_samples, seed=self.seed, temperature=self.temperature)
        lines = "".join(f"\n  {line}" for line in self.corpus.decode(samples))
        print(f"\nsamples after epoch {epoch + 1}:{lines}")


class SampleMetrics(keras.callbacks.Callback):
    """Computes metrics of fresh samples at the end of an epoch and adds them to the logs of the epoch.

    `History` keeps them, and callbacks that follow this one (`CSVLogger`, `EarlyStopping`, `ModelCheckpoint`) can use
    them.

    Args:
        metrics: functions by name. Each takes samples, an int32 array [num_samples, T], and returns a float, which is
            logged as "name", or a dict of floats, which are logged as "name_key".
        num_samples: number of samples. Defaults to 1,000.
        seed: seed of the samples, the same in each epoch, so that only the training changes them. Defaults to 1.
        temperature: divides the logits. Defaults to 1.0.
        every: number of epochs between two computations, starting with the first epoch. In between, the last values
            are logged again, so that no column is ever missing. Defaults to 1.

    Raises:
        InputError: `every` or `num_samples` is below 1.

    Example:
    ```python
    import seqgan_tf as sg

    oracle = sg.Oracle(50)
    corpus = sg.OracleCorpus(oracle, sequence_length=8, num_train=64, num_held_out=20, batch_size=8)
    gan = sg.SeqGAN(sg.Generator(50), sg.Discriminator(50, 8), sg.MonteCarloRollout(2), batch_size=8)
    gan.compile()
    measure = sg.callbacks.SampleMetrics(
        {"nll_oracle": lambda samples: sg.negative_log_likelihood(oracle, samples)}, num_samples=100
    )
    history = gan.fit(corpus.train, steps_per_epoch=1, callbacks=[measure], verbose=0)
    print(history.history["nll_oracle"])
    ```
    """

    def __init__(
        self,
        metrics: Mapping[str, Callable[[np.ndarray], float | Mapping[Any, float]]],
        num_samples: int = 1_000,
        seed: int = 1,
        temperature: float = 1.0,
        every: int = 1,
    ):
        super().__init__()
        check_at_least(1, num_samples=num_samples, every=every)
        self.metrics = metrics
        self.num_samples = num_samples
        self.seed = seed
        self.temperature = temperature
        self.every = every
        self.epochs = 0
        self.values: dict[str, float] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts counting epochs anew."""
        self.epochs, self.values = 0, {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Computes the metrics where they are due, and adds the last values to the logs."""
        if self.epochs % self.every == 0:
            samples = self.model.generate(self.num_samples, seed=self.seed, temperature=self.temperature)
            for name, function in self.metrics.items():
                result = function(samples)
                if isinstance(result, Mapping):
                    self.values |= {f"{name}_{key}": float(value) for key, value in result.items()}
                else:
                    self.values[name] = float(result)
        self.epochs += 1
        if logs is not None:
            logs.update(self.values)
