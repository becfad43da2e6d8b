"""A saved model is found by a script of its own that only imports Keras and the package."""

import subprocess
import sys

import keras
import pytest

import seqgan_tf as sg


@pytest.mark.parametrize("imports", ["import keras, seqgan_tf", "import tensorflow, seqgan_tf, keras"])
@pytest.mark.parametrize("estimator", ["ConstantReward(sg.MonteCarloRollout(1))", "TerminalReward()"])
def test_a_model_is_loaded_in_a_new_process(estimator, imports, tmp_path):
    generator, discriminator = sg.Oracle(5, 2, 2), sg.Discriminator(5, 4, widths=[1], filters=[2])
    gan = sg.SeqGAN(generator, discriminator, eval(f"sg.{estimator}"))
    gan.compile(generator_optimizer=keras.optimizers.Adam(0.1))
    gan.save(tmp_path / "gan.keras")
    code = f"{imports}; print(keras.saving.load_model({str(tmp_path / 'gan.keras')!r}).generate(3, seed=1).tolist())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str(gan.generate(3, seed=1).tolist()), done.stderr[-500:]
