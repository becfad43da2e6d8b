"""`seqgan-tf export`: exports a trained run for serving."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seqgan_tf.cli.flags import RunFlags


@dataclasses.dataclass(frozen=True)
class Export(RunFlags):
    """Export a trained run for TF Serving, ONNX Runtime or LiteRT.

    Example:
    ```python
    from seqgan_tf.cli.main import main

    main(["export", "runs/poems", "served/poems"])
    ```
    """

    target: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="TARGET")]
    """Directory of the served model; its name is the model's name."""
    version: int | None = None
    """Number of the version. None: one more than the latest in TARGET."""
    format: Literal["saved_model", "onnx", "litert"] = "saved_model"
    """Format of the model. TF Serving needs saved_model."""
    warmup: bool = False
    """Also write warm-up requests for TF Serving."""
    jit: bool = False
    """Compile the signatures with XLA, which the server must support."""
    num_beams: int = 4
    """Number of beams of the signature beam_search, which models with conditions have."""

    def run(self) -> int:
        from seqgan_tf.runs.directory import load_run

        run = load_run(self.directory)
        version = run.gan.export(
            self.target,
            run.tokenizer,
            self.version,
            self.format,
            self.warmup,
            self.jit,
            conditions=run.source.conditions,
            num_beams=self.num_beams,
        )
        print(version)
        return 0
