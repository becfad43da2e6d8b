"""A saved model can be loaded by a script that only imports Keras and the package."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import seqgan_tf as sg


@pytest.mark.parametrize(
    "imports",
    ["import keras, seqgan_tf", "import tensorflow, seqgan_tf, keras", "from seqgan_tf import Generator; import keras"],
)
@pytest.mark.parametrize("estimator", ["ConstantReward(sg.MonteCarloRollout(1))", "TerminalReward()"])
def test_a_model_is_loaded_in_a_new_process(estimator, imports, tmp_path):
    generator, discriminator = sg.Oracle(5, 2, 2), sg.Discriminator(5, 4, widths=[1], filters=[2])
    gan = sg.SeqGAN(generator, discriminator, eval(f"sg.{estimator}"))
    gan.compile(generator_optimizer=keras.optimizers.Adam(0.1))
    gan.save(tmp_path / "gan.keras")
    code = f"{imports}; print(keras.saving.load_model({str(tmp_path / 'gan.keras')!r}).generate(3, seed=1).tolist())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str(gan.generate(3, seed=1).tolist()), done.stderr[-500:]


def test_a_recurrent_discriminator_is_loaded_in_a_new_process(tmp_path):
    discriminator = sg.RecurrentDiscriminator(5, 4, 2, hidden_dim=3)
    discriminator.save(tmp_path / "d.keras")
    code = f"import keras, seqgan_tf; print(keras.saving.load_model({str(tmp_path / 'd.keras')!r}).get_config())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str(discriminator.get_config()), done.stderr[-500:]


def test_settings_of_numpy_are_saved_and_loaded(tmp_path):
    two = np.int64(2)
    generator = sg.Generator(np.int64(5), two, two, num_layers=two, dropout=np.float32(0.5), end_token_id=np.int32(0))
    discriminator = sg.Discriminator(
        np.int64(5), np.int64(4), two, widths=np.array([1]), filters=[two], l2=np.float32(1)
    )
    estimator = sg.MonteCarloRollout(two, update_rate=np.float64(0.5), clip=np.float32(2))
    gan = sg.SeqGAN(generator, discriminator, estimator, batch_size=two, seed=two, entropy_weight=np.float32(0.5))
    gan.save(tmp_path / "gan.keras")
    assert keras.saving.load_model(tmp_path / "gan.keras").get_config() == gan.get_config()
