"""`seqgan-tf generate`: samples of a trained run."""

import dataclasses

from seqgan_tf.cli.flags import RunFlags
from seqgan_tf.core.validation import InputError


@dataclasses.dataclass(frozen=True)
class Generate(RunFlags):
    """Print samples of a trained run, one per line."""

    num_samples: int = 5
    """How many."""
    seed: int = 1
    """Equal seeds give equal samples."""
    temperature: float = 1.0
    """Below 1 the likely tokens become likelier."""
    top_k: int | None = None
    """Draw from the k likeliest tokens."""
    top_p: float | None = None
    """Draw from the likeliest tokens that hold this much probability."""
    prompt: str = ""
    """Text that every sample begins with."""

    def run(self) -> int:
        from seqgan_tf.runs.directory import load_run

        run = load_run(self.directory)
        prompt = None
        if self.prompt:
            if run.tokenizer is None:
                raise InputError("--prompt needs a run on text. Received: a run on an oracle")
            tokenizer = run.tokenizer
            unknown = [w for w in self.prompt.split() if tokenizer.unknown_token_id in tokenizer.encode([w])[0]]
            if unknown:
                raise InputError(f"--prompt must hold words of the vocabulary. Received: {' '.join(unknown)}")
            (prompt,) = tokenizer.encode([self.prompt])
        token_ids = run.gan.generate(
            self.num_samples,
            self.seed,
            prompt,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            suppress_tokens=run.source.suppressed_tokens,
        )
        print("\n".join(run.decode(token_ids)))
        return 0
