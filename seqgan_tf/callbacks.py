"""Keras callbacks that look at a run. They work in `fit` of a `SeqGAN`."""

import keras


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
