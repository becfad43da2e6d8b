"""Settings: presets, ablations and differences."""

from pathlib import Path

import pytest

from seqgan_tf.runs import checks, config, presets


def test_the_paper_preset_is_the_authors_schedule():
    for text in (True, False):
        paper = presets.preset("paper", text)
        assert (paper.rollout.num_rollouts, paper.rollout.update_rate, paper.rollout.reward) == (16, 0.8, "probability")
        assert (paper.pretrain.epochs, paper.pretrain.patience, paper.adversarial.rounds) == (120, None, 200)
        assert (paper.adversarial.baseline, paper.adversarial.control) == ("none", "none")
        assert (paper.adversarial.generator_steps, paper.adversarial.likelihood_steps) == (1, 0)
        assert (paper.generator.embedding_dim, paper.generator.hidden_dim, paper.batch_size) == (32, 32, 64)
        assert paper.generator.initializer_stddev == 0.1
        assert (paper.pretrain.learning_rate, paper.pretrain.discriminator_learning_rate) == (1e-2, 1e-4)
        # Their batches of 64 mix 10,000 real and as many generated sequences: 312 per pass. First 50 times 3 passes
        # over new samples, then 5 times 3 per round.
        assert paper.pretrain.discriminator_steps == 50 * 3 * 312
        assert paper.adversarial.discriminator_steps == 5 * 3 * 312


def test_the_quick_preset_on_the_oracle_rewards_all_next_tokens_and_stops_early():
    quick, paper = presets.preset("quick", "oracle"), presets.preset("paper", "oracle")
    checks.check(quick)
    assert (quick.discriminator.kind, quick.estimator.kind) == ("ngram", "next_token")
    assert (quick.adversarial.kl_weight, quick.adversarial.kl_reference) == (1.0, "round")
    assert quick.pretrain.patience is not None
    assert (quick.generator.embedding_dim, quick.generator.hidden_dim) == (32, 32)
    for name in ("corpus", "batch_size", "seed"):
        assert getattr(quick, name) == getattr(paper, name)


@pytest.mark.parametrize(
    "kinds",
    [{"estimator": "rollout"}, {"estimator": "tree", "discriminator": "ngram"}, {"discriminator": "cnn"}],
    ids=str,
)
def test_with_another_estimator_the_quick_preset_on_the_oracle_has_the_papers_parts_and_a_shorter_schedule(kinds):
    quick = presets.for_kinds(presets.preset("quick", "oracle"), **kinds)
    paper = presets.preset("paper", "oracle")
    assert config.difference(config.RunSettings(), quick) == {
        "rollout.num_rollouts": (4, 1),
        "pretrain.epochs": (20, 12),
        "pretrain.discriminator_steps": (300, 150),
    }
    for name in ("corpus", "generator", "batch_size", "seed"):
        assert getattr(quick, name) == getattr(paper, name)
    for name in ("embedding_dim", "widths", "filters", "dropout", "l2"):
        assert getattr(quick.discriminator, name) == getattr(paper.discriminator, name)
    assert (quick.rollout.reward, quick.adversarial.baseline) == (paper.rollout.reward, paper.adversarial.baseline)
    assert quick.pretrain.epochs < paper.pretrain.epochs
    assert quick.adversarial.rounds < paper.adversarial.rounds
    assert quick.rollout.num_rollouts < paper.rollout.num_rollouts


def test_the_kinds_that_a_preset_has_change_nothing():
    for task in ("oracle", "text", "music"):
        quick = presets.preset("quick", task)
        assert presets.for_kinds(quick) == quick
        assert presets.for_kinds(quick, "recurrent", quick.discriminator.kind, quick.estimator.kind) == quick
    text = presets.preset("quick", "text")
    assert presets.for_kinds(text, discriminator="ngram", estimator="next_token") == text


def test_the_quick_preset_on_text_stops_early_and_keeps_diversity():
    text, paper = presets.preset("quick", "text"), presets.preset("paper", "text")
    assert text.pretrain.patience is not None
    assert (text.rollout.reward, text.adversarial.baseline) == ("log_odds", "leave_one_out")
    assert text.adversarial.learning_rate < paper.adversarial.learning_rate
    assert text.estimator.kind == "terminal"
    assert text.adversarial.generator_batch_size > paper.batch_size
    assert text.generator.hidden_dim > paper.generator.hidden_dim
    assert text.pretrain.ema_momentum > 0
    assert paper.pretrain.ema_momentum is None


def changes(settings, name):
    """The settings that a control changes: {key: value}."""
    return {key: new for key, (_, new) in config.difference(settings, presets.control(settings, name)).items()}


def test_a_control_of_the_reward_changes_nothing_else():
    for settings in (presets.preset("quick", "oracle"), presets.preset("quick", "text")):
        assert changes(settings, "constant") == {"adversarial.control": "constant"}
        assert changes(settings, "noise") == {"adversarial.control": "noise"}


def test_the_likelihood_control_replaces_policy_gradient_steps_by_likelihood_steps():
    steps = config.AdversarialSettings(generator_steps=3, likelihood_steps=2)
    for settings, number in ((config.RunSettings(), 1), (config.RunSettings(adversarial=steps), 5)):
        assert changes(settings, "likelihood") == {
            "adversarial.generator_steps": 0,
            "adversarial.likelihood_steps": number,
        }


def test_a_control_can_be_branched_from_its_run():
    for name in presets.CONTROLS:
        assert all(key.startswith(config.BRANCHING) for key in changes(config.RunSettings(), name))


def test_difference_gives_the_settings_that_differ():
    settings = config.RunSettings(seed=3, data=Path("a.txt"), corpus=config.DataSettings(oracle_seed=2))
    assert config.difference(settings, settings) == {}
    assert config.difference(config.RunSettings(), settings) == {
        "seed": (0, 3),
        "data": (None, Path("a.txt")),
        "corpus.oracle_seed": (0, 2),
    }
