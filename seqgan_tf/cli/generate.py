"""`seqgan-tf generate`: prints samples of a trained run."""

import dataclasses

from seqgan_tf.cli.flags import RunFlags
from seqgan_tf.core.validation import InputError, check_at_least


@dataclasses.dataclass(frozen=True)
class Generate(RunFlags):
    """Print samples of a trained run, one per line.

    Example:
    ```python
    from seqgan_tf.cli.main import main

    main(["generate", "runs/poems", "--num-samples", "2"])
    ```
    """

    num_samples: int = 5
    """Number of samples."""
    seed: int = 1
    """Random seed. Equal seeds give equal samples."""
    temperature: float = 1.0
    """Sampling temperature. Below 1, likely tokens become likelier."""
    top_k: int | None = None
    """Sample from the k likeliest tokens only. None: from all."""
    top_p: float | None = None
    """Sample from the likeliest tokens with this total probability. None: from all."""
    prompt: str = ""
    """Text that every sample begins with."""

    def run(self) -> int:
        from seqgan_tf.runs.directory import load_run

        check_at_least(1, num_samples=self.num_samples)
        run = load_run(self.directory)
        prompt = None
        if self.prompt:
            if run.tokenizer is None:
                raise InputError("--prompt needs a run on text. Received: a run on an oracle")
            tokenizer = run.tokenizer
            unknown = tokenizer.unknown_parts(self.prompt)
            if unknown:
                received = ", ".join(map(repr, unknown))
                raise InputError(f"--prompt must hold tokens of the vocabulary only. Received: {received}")
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
