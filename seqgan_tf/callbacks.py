"""Keras callbacks that look at a run. They work in `fit` of a `SeqGAN`."""

import keras

from seqgan_tf.checks import check_at_least


class SampleLogger(keras.callbacks.Callback):
    """Prints samples at the end of each epoch.

    Args:
        corpus: an object with `decode(token_ids) -> list of str`, such as `TextCorpus`.
        num_samples: int. Defaults to 5.
        seed: int; the same every epoch, so that one sees what the training changes. Defaults to 1.
        temperature: float. Defaults to 1.0.
    """

    def __init__(self, corpus, num_samples=5, seed=1, temperature=1.0):
        super().__init__()
        self.corpus = corpus
        self.num_samples = num_samples
        self.seed = seed
        self.temperature = temperature

    def on_epoch_end(self, epoch, logs=None):
        samples = self.model.generate(self.num_samples, seed=self.seed, temperature=self.temperature)
        lines = "".join(f"\n  {line}" for line in self.corpus.decode(samples))
        print(f"\nsamples after epoch {epoch + 1}:{lines}")


class SampleMetrics(keras.callbacks.Callback):
    """Measures fresh samples at the end of an epoch; the figures join the logs of the epoch.

    So `History` keeps them, and a callback that stands after this one (`CSVLogger`, `EarlyStopping`, `ModelCheckpoint`)
    can use them.

    Args:
        metrics: dict of functions, {name: samples, an int32 array [num_samples, T], -> float or dict of float}. The
            figures of a dict are named "name_key".
            For instance `{"nll_oracle": lambda samples: sg.negative_log_likelihood(oracle, samples)}`, or
            `{"text": lambda samples: sg.metrics.sample_metrics(samples, test, training)}`.
        num_samples: int. Defaults to 1,000.
        seed: int; the same every epoch, so that epochs differ by the training alone. Defaults to 1.
        temperature: float. Defaults to 1.0.
        every: int; the first epoch is measured and then each `every`-th after it. In between the last figures are
            repeated, so that no column is ever missing. Defaults to 1.

    Raises:
        ValueError: `every` or `num_samples` below 1.
    """

    def __init__(self, metrics, num_samples=1_000, seed=1, temperature=1.0, every=1):
        super().__init__()
        check_at_least(1, num_samples=num_samples, every=every)
        self.metrics = metrics
        self.num_samples = num_samples
        self.seed = seed
        self.temperature = temperature
        self.every = every

    def on_train_begin(self, logs=None):
        self.epochs, self.figures = 0, {}

    def on_epoch_end(self, epoch, logs=None):
        if self.epochs % self.every == 0:
            samples = self.model.generate(self.num_samples, seed=self.seed, temperature=self.temperature)
            for name, function in self.metrics.items():
                figures = function(samples)
                if isinstance(figures, dict):
                    self.figures |= {f"{name}_{key}": float(value) for key, value in figures.items()}
                else:
                    self.figures[name] = float(figures)
        self.epochs += 1
        logs.update(self.figures)
