"""What experiments show, computed from synthetic results: also diverged, missing and contradicting ones."""

import math
from dataclasses import replace

import pytest

from experimentation.findings import FINDINGS, Measurements, find
from experimentation.findings.losses import difference, losses_of, pooled_deviation
from experimentation.findings.power_law import fit
from experimentation.results import MemberResult


def run(name, loss, seed=0, settings=None, diverged_at=None, **values):
    """The result of a training run; without a loss it diverged."""
    own = {"valid_loss": loss} if loss is not None else {"diverged_at_step": diverged_at}
    return MemberResult(
        name=name,
        seed=seed,
        kind="training",
        fingerprint=f"{name} {seed}",
        settings=settings or {},
        status="diverged" if loss is None else "finished",
        values={**{key: value for key, value in own.items() if value is not None}, **values},
        curves={},
        rows=(),
        texts=(),
        seconds=60.0,
    )


def rates(losses):
    return [run(f"{rate:g}", loss, settings={"schedule.max_lr": rate}, diverged_at=40) for rate, loss in losses.items()]


def judged(name, *results, scale="cpu", spread=0.01, reported=None):
    return find(name, Measurements(results, scale, reported or {}, spread))


PAIRS = {
    "post_norm": ("pre-norm", "post-norm", {"model.norm": "post"}),
    "nope": ("RoPE", "NoPE", {"model.position": "none"}),
}


@pytest.mark.parametrize("name", sorted(FINDINGS))
def test_without_results_an_experiment_is_not_run(name):
    assert judged(name).verdict == "not run"


@pytest.mark.parametrize("name", sorted(set(FINDINGS) - {"base"}))
def test_one_run_alone_or_diverged_ones_alone_are_no_error(name):
    for loss in (3.0, None):
        finding = judged(name, run("only", loss))
        assert finding.verdict in ("not run", "not comparable", "not reproduced")
        assert finding.sentence.endswith(".")


def test_an_unknown_finding_is_answered_with_those_that_exist():
    with pytest.raises(ValueError, match=r"no finding 'magic': choose one of .*learning_rate"):
        judged("magic", run("a", 1.0))


class TestLosses:
    def test_seeds_of_a_member_are_one_entry(self):
        (member,) = losses_of([run("a", 3.0, seed=0), run("a", 3.2, seed=1), run("a", 3.4, seed=2)])
        assert member.mean == pytest.approx(3.2)
        assert member.shown() == "3.200 ± 0.200 (3 seeds)"

    def test_a_member_of_which_a_seed_diverged_is_worse_than_any_other(self):
        (member,) = losses_of([run("a", 3.0, seed=0), run("a", None, seed=1, diverged_at=1200)])
        assert member.mean == math.inf
        assert member.shown() == "3.000; diverged at step 1,200 (1 of 2 seeds)"

    def test_a_diverged_run_with_a_finite_loss_is_diverged(self):
        result = MemberResult("a", 0, "training", "f", {}, "diverged", {"valid_loss": 9.5}, {}, (), (), 1.0)
        (member,) = losses_of([result])
        assert member.losses == ()
        assert member.shown() == "diverged"

    def test_a_loss_that_is_not_finite_is_no_loss(self):
        (member,) = losses_of([run("a", math.nan)])
        assert member.losses == ()

    def test_the_deviation_is_pooled_over_members(self):
        members = losses_of([run("a", 1.0), run("a", 3.0, seed=1), run("b", 5.0), run("b", 6.0, seed=1), run("c", 7.0)])
        assert pooled_deviation(members) == pytest.approx(math.sqrt((2.0 + 0.5) / 2))

    def test_the_spread_of_the_base_run_is_used_if_no_member_has_several_seeds(self):
        results = [run("a", 3.00), run("b", 3.05)]
        a, b = losses_of(results)
        assert difference(b, a, Measurements(results, "cpu", {}, 0.01)).visible
        assert not difference(b, a, Measurements(results, "cpu", {}, 0.03)).visible


class TestLearningRate:
    def test_losses_fall_up_to_an_edge(self):
        finding = judged("learning_rate", *rates({1e-1: None, 1e-4: 5.0, 1e-2: 3.1, 1e-3: 4.0, 3e-2: 3.3}))
        assert finding.verdict == "reproduced"
        assert "The best of 5 rates is 0.01, with a loss of 3.100." in finding.sentence
        assert "diverges from 0.1 on, 10 times the best rate" in finding.sentence
        assert [row[-1] for row in finding.evidence.rows] == ["stable", "stable", "best", "stable", "diverged"]
        assert finding.plot.crosses == (0.1,)
        assert [x for x, _ in finding.plot.dots[0].points] == [1e-4, 1e-3, 1e-2, 3e-2]

    def test_getting_worse_without_divergence_is_a_part_of_it(self):
        finding = judged("learning_rate", *rates({1e-3: 4.0, 1e-2: 3.1, 1e-1: 3.6}))
        assert finding.verdict == "partly reproduced"
        assert "Above it, the loss rises, to 3.600. No rate diverges." in finding.sentence

    def test_a_sweep_that_ends_before_the_edge_shows_none(self):
        finding = judged("learning_rate", *rates({1e-3: 4.0, 1e-2: 3.1}))
        assert finding.verdict == "not reproduced"
        assert "does not reach the edge" in finding.sentence

    def test_a_loss_that_rises_above_guessing_and_falls_again_is_unstable(self):
        rising = replace(
            run("1", 5.8, settings={"schedule.max_lr": 1.0}, guessing_loss=7.62),
            curves={"valid_loss": {"step": [40, 80, 400], "seconds": [4, 8, 40], "value": [9.117, 6.9, 5.8]}},
        )
        finding = judged("learning_rate", *rates({1e-3: 4.0, 1e-2: 3.1, 1e-1: 3.6}), rising)
        assert finding.verdict == "partly reproduced"
        assert "At 1 training is unstable: the loss rises" in finding.sentence
        assert [row[-1] for row in finding.evidence.rows] == ["stable", "best", "stable", "unstable, up to 9.117"]

    def test_losses_that_do_not_fall_contradict_it(self):
        finding = judged("learning_rate", *rates({1e-4: 3.5, 1e-3: 4.0, 1e-2: 3.1, 1e-1: None}))
        assert finding.verdict == "not reproduced"
        assert "does not fall steadily" in finding.sentence

    def test_divergence_below_the_best_rate_contradicts_it(self):
        finding = judged("learning_rate", *rates({1e-4: 5.0, 1e-3: None, 1e-2: 3.1, 1e-1: None}))
        assert finding.verdict == "not reproduced"
        assert "also diverges below it, at 0.001" in finding.sentence

    def test_all_rates_may_diverge(self):
        finding = judged("learning_rate", *rates({1e-4: None, 1e-3: None}))
        assert finding.verdict == "not reproduced"
        assert "at every rate" in finding.sentence


class TestAblations:
    @pytest.mark.parametrize("name", sorted(PAIRS))
    @pytest.mark.parametrize(
        ("other", "verdict", "words"),
        [
            ([3.5, 3.6, 3.4], "reproduced", ": worse by 0.500 nats"),
            ([3.01, 3.02, 3.0], "not reproduced", "no difference can be seen, 0.010 nats"),
            ([2.5, 2.6, 2.4], "not reproduced", ": better by 0.500 nats"),
            ([None, None, None], "reproduced", "diverged at step 40"),
        ],
    )
    def test_the_base_run_is_better_or_is_not(self, name, other, verdict, words):
        base, variant, settings = PAIRS[name]
        results = [run(base, 3.0 + shift, seed) for seed, shift in enumerate((-0.02, 0.0, 0.02))]
        results += [run(variant, loss, seed, settings, diverged_at=40) for seed, loss in enumerate(other)]
        finding = judged(name, *results)
        assert finding.verdict == verdict
        assert words in finding.sentence

    def test_a_difference_whose_error_is_not_known_shows_half_of_it(self):
        finding = judged("nope", run("RoPE", 3.0), run("NoPE", 3.1, settings={"model.position": "none"}), spread=None)
        assert finding.verdict == "partly reproduced"
        assert "spread not known" in finding.sentence

    @pytest.mark.parametrize(
        ("loss", "verdict"),
        [(3.0, "reproduced"), (3.02, "reproduced"), (3.3, "not reproduced"), (None, "not reproduced")],
    )
    def test_silu_is_about_equal(self, loss, verdict):
        results = [run("SwiGLU", 3.0), run("SiLU", loss, settings={"model.ffn": "silu"})]
        assert judged("silu", *results, spread=0.001).verdict == verdict

    def test_silu_is_not_equal_if_both_diverge(self):
        results = [run("SwiGLU", None), run("SiLU", None, settings={"model.ffn": "silu"})]
        assert judged("silu", *results).verdict == "not reproduced"

    @pytest.mark.parametrize(
        ("same", "tenth", "verdict"),
        [
            (None, 3.5, "reproduced"),
            (None, None, "partly reproduced"),
            (None, 2.5, "partly reproduced"),
            (3.4, 3.5, "partly reproduced"),
            (3.0, 3.5, "not reproduced"),
            (2.5, 3.5, "not reproduced"),
        ],
    )
    def test_without_norm_it_diverges_or_is_worse(self, same, tenth, verdict):
        results = [
            run("pre-norm", 3.0),
            run("no norm", same, settings={"model.norm": "none"}, diverged_at=7),
            run("a tenth", tenth, settings={"model.norm": "none", "schedule.max_lr": 1e-4}),
        ]
        finding = judged("no_norm", *results)
        assert finding.verdict == verdict
        assert ("divergence at that rate did not occur" in finding.sentence) == (same == 3.4)

    @pytest.mark.parametrize(("lower", "verdict"), [(3.2, "reproduced"), (2.9, "not reproduced")])
    def test_a_variant_is_judged_at_its_best_rate(self, lower, verdict):
        settings = {"model.norm": "post"}
        results = [run("pre-norm", 3.0), run("post-norm", 5.9, settings=settings)]
        results.append(run("post-norm, low", lower, settings={**settings, "schedule.max_lr": 1e-3}))
        assert judged("post_norm", *results).verdict == verdict

    @pytest.mark.parametrize(("with_norm", "verdict"), [(3.2, "partly reproduced"), (None, "not reproduced")])
    def test_without_norm_it_may_diverge_only_at_a_higher_rate(self, with_norm, verdict):
        results = [
            run("pre-norm", 3.0),
            run("no norm", 2.9, settings={"model.norm": "none"}),
            run("pre-norm, high", with_norm, settings={"schedule.max_lr": 1e-1}, diverged_at=7),
            run("no norm, high", None, settings={"model.norm": "none", "schedule.max_lr": 1e-1}, diverged_at=7),
        ]
        finding = judged("no_norm", *results)
        assert finding.verdict == verdict
        assert ("one at which the model with RMSNorm still trains" in finding.sentence) == (with_norm is not None)

    def test_the_run_at_a_tenth_may_be_missing(self):
        results = [run("pre-norm", 3.0), run("no norm", None, settings={"model.norm": "none"})]
        assert judged("no_norm", *results).verdict == "partly reproduced"


def batches(losses, speeds):
    return [
        run(f"{size}", loss, settings={"training.batch_size": size}, tokens_per_second=speed)
        for (size, loss), speed in zip(losses.items(), speeds, strict=True)
    ]


class TestSweeps:
    def test_small_batches_are_slow_and_the_largest_is_worse(self):
        finding = judged("batch_size", *batches({1: 3.5, 8: 3.0, 64: 3.8}, [100.0, 900.0, 2000.0]))
        assert finding.verdict == "reproduced"
        assert (
            "Batches of 1 are processed at 100 tokens per second, those of 64, the fastest, at 2,000."
            in finding.sentence
        )

    def test_one_of_the_two_is_a_part_of_it(self):
        assert judged("batch_size", *batches({1: 3.5, 8: 3.1, 64: 3.0}, [1.0, 2.0, 3.0])).verdict == "partly reproduced"
        assert judged("batch_size", *batches({1: 3.5, 8: 3.0, 64: 3.4}, [3.0, 2.0, 1.0])).verdict == "partly reproduced"
        assert judged("batch_size", *batches({1: 3.5, 8: 3.1, 64: 3.0}, [3.0, 2.0, 1.0])).verdict == "not reproduced"

    def test_the_largest_batch_may_diverge(self):
        finding = judged("batch_size", *batches({1: 3.5, 8: 3.0, 64: None}, [1.0, 2.0, 3.0]))
        assert finding.verdict == "reproduced"
        assert "The largest, 64, diverged." in finding.sentence

    def test_nothing_was_reported_of_weight_decay_and_warmup(self):
        for name, key in (("weight_decay", "optimizer.weight_decay"), ("warmup", "schedule.warmup_fraction")):
            losses = {0.0: 3.2, 0.01: 3.0, 1.0: 4.0}
            finding = judged(name, *(run(f"{value:g}", loss, settings={key: value}) for value, loss in losses.items()))
            assert finding.verdict == "not comparable"
            assert "is higher by 0.200 nats" in finding.sentence
            assert "With 1, the worst, the loss is higher by 1.000 nats" in finding.sentence

    def test_a_difference_within_the_spread_is_called_so(self):
        losses = {0.0: 3.005, 0.1: 3.0}
        results = [
            run(f"{value:g}", loss, settings={"optimizer.weight_decay": value}) for value, loss in losses.items()
        ]
        assert "no difference can be seen" in judged("weight_decay", *results).sentence

    def test_without_warmup_it_may_diverge(self):
        results = [run("0", None, settings={"schedule.warmup_fraction": 0.0}, diverged_at=3), run("0.1", 3.0)]
        assert "With no warm-up: diverged at step 3." in judged("warmup", *results).sentence


class TestRuns:
    def test_the_base_run_is_compared_at_full_size_only(self):
        result = run("base", 1.40, tokens=1000, parameters=2000, bits_per_byte=0.5)
        reported = {"valid_loss": {"base": 1.379}}
        assert judged("base", result, reported=reported).verdict == "not comparable"
        finding = judged("base", result, scale="gpu", spread=0.02, reported=reported)
        assert finding.verdict == "reproduced"
        assert "2,000 parameters reaches after 1,000 tokens a validation loss of 1.400" in finding.sentence
        assert "+0.021 nats from it" in finding.sentence
        worse = judged("base", run("base", 1.5), scale="gpu", reported=reported)
        assert worse.verdict == "not reproduced"

    def test_the_spread_over_seeds(self):
        finding = judged("seeds", *(run("base", loss, seed) for seed, loss in enumerate((3.0, 3.1, 3.2))))
        assert "Over 3 seeds the final loss is 3.100 with a standard deviation of 0.100" in finding.sentence
        assert "below 0.283 nats" in finding.sentence

    def test_web_text_is_harder_per_byte(self):
        stories = run("stories", 3.0, bits_per_byte=1.0)
        web = run("web text", 5.0, settings={"corpus": "other"}, bits_per_byte=2.0)
        finding = judged("corpora", stories, web)
        assert finding.verdict == "reproduced"
        assert "2.00 times as many" in finding.sentence
        assert [row[-1] for row in finding.evidence.rows] == ["4.33", "3.61"]

    def test_a_higher_loss_of_longer_tokens_is_no_harder_text(self):
        stories = run("stories", 3.0, bits_per_byte=1.5)
        web = run("web text", 5.0, settings={"corpus": "other"}, bits_per_byte=1.0)
        finding = judged("corpora", stories, web)
        assert finding.verdict == "not reproduced"
        assert "A byte of web text is easier" in finding.sentence

    @pytest.mark.parametrize(
        ("losses", "tokens", "verdict"),
        [
            ((3.0, 2.9), 100, "reproduced"),
            ((3.0, 2.999), 100, "not reproduced"),
            ((3.2, 3.1), 100, "not reproduced"),
            ((None, None), 100, "not reproduced"),
            ((3.0, 2.5), 200, "not comparable"),
        ],
    )
    def test_muon_at_its_best_rate_against_adamw(self, losses, tokens, verdict):
        results = [run("AdamW", 3.0, tokens=100)]
        for factor, loss in zip((1, 2), losses, strict=True):
            settings = {"optimizer.name": "muon", "optimizer.muon_lr_factor": factor}
            results.append(run(f"Muon {factor}", loss, settings=settings, tokens=tokens))
        assert judged("optimizers", *results).verdict == verdict


def loss(size, tokens):
    return 1.8 + 400 * size**-0.4 + 300 * tokens**-0.35


BUDGETS = [(size, budget / 6 / size) for budget in (1e12, 2e12, 4e12) for size in (2e5, 3e5, 6e5, 1e6)]


class TestScaling:
    def test_the_law_that_made_the_data_is_found(self):
        law = fit(*zip(*((size, tokens, loss(size, tokens)) for size, tokens in BUDGETS), strict=True))
        assert law.doubts == ()
        assert law.size_exponent == pytest.approx(0.4, abs=0.02)
        assert law.data_exponent == pytest.approx(0.35, abs=0.02)
        assert law.residual < 0.005
        for size, tokens in BUDGETS:
            assert law.loss(size, tokens) == pytest.approx(loss(size, tokens), abs=0.01)
        assert law.optimal_exponent == pytest.approx(0.35 / 0.75, abs=0.02)

    def test_too_few_runs_are_not_fitted(self):
        assert fit([1e5, 2e5], [1e6, 2e6], [3.0, 2.9]) is None

    def test_losses_without_a_law_give_a_meaningless_fit(self):
        losses = [3.0 + 0.1 * (-1) ** number for number in range(len(BUDGETS))]
        law = fit(*zip(*BUDGETS, strict=True), losses)
        assert law.doubts

    def test_equal_losses_give_a_meaningless_fit(self):
        assert fit(*zip(*BUDGETS, strict=True), [3.0] * len(BUDGETS)).doubts

    def test_the_best_size_grows_with_the_compute(self):
        results = [
            run(f"{number}", loss(size, tokens), parameters=size, tokens=tokens, settings={"x": number})
            for number, (size, tokens) in enumerate(BUDGETS)
        ]
        finding = judged("scaling", *results)
        assert finding.verdict == "reproduced"
        assert "Fitted by least squares to 12 runs" in finding.sentence
        assert len(finding.plot.dots) == 3
        assert [row[-1] for row in finding.evidence.rows].count("best") == 3

    def test_a_meaningless_fit_is_called_so(self):
        results = [
            run(f"{number}", 3.0 + 0.1 * (-1) ** number, parameters=size, tokens=tokens)
            for number, (size, tokens) in enumerate(BUDGETS)
        ]
        finding = judged("scaling", *results)
        assert finding.verdict == "not reproduced"
        assert "is meaningless: " in finding.sentence


def test_at_scale_smoke_nothing_is_compared():
    results = rates({1e-3: 4.0, 1e-2: 3.1, 1e-1: None})
    assert judged("learning_rate", *results, scale="smoke").verdict == "not comparable"
