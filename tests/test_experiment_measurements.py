"""What experiments that train no language model show, computed from synthetic results."""

import pytest

from experimentation.findings import Measurements, find
from experimentation.findings.figures import Compared, compared
from experimentation.results import MemberResult


def measured(name="one", rows=(), **values):
    return MemberResult(
        name=name,
        seed=0,
        kind="a kind",
        fingerprint=name,
        settings={},
        status="finished",
        values=values,
        curves={},
        rows=rows,
        texts=(),
        seconds=1.0,
    )


def judged(name, *results, scale="cpu", reported=None):
    return find(name, Measurements(results, scale, reported or {}))


class TestFigures:
    @pytest.mark.parametrize(
        ("ours", "reported", "agrees"),
        [
            (3, 3, True),
            (3, 4, False),
            (3_506_703_564_800, 3_506_703_564_801, False),
            (4885.7, 4886, True),
            (4885.4, 4886, False),
            (133_416_668_364_800, 1.33e14, True),
            (134_000_000_000_000, 1.33e14, False),
            (4.012, 4.01, True),
            (4.02, 4.01, False),
            (" accomplishment", " accomplishment", True),
            (None, 3, False),
            ("three", 3, False),
        ],
    )
    def test_numbers_agree_to_the_last_digit_that_was_reported(self, ours, reported, agrees):
        assert Compared("a", "b", ours, reported).agrees() is agrees

    def test_a_tolerance_allows_more(self):
        assert Compared("a", "b", 4.1, 4.01).agrees(0.03)
        assert not Compared("a", "b", 4.2, 4.01).agrees(0.03)

    def test_only_members_with_a_result_are_compared(self):
        reported = {"parameters": {"XL": 5, "small": 2}}
        assert compared(Measurements([measured("XL", parameters=4)], "cpu", reported)) == [
            Compared("XL", "parameters", 4, 5)
        ]


def toy(losses):
    return [
        {"learning_rate": rate, "first_loss": 25.0, "last_loss": loss, "diverged": loss is None or loss > 25}
        for rate, loss in losses.items()
    ]


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        ({1: 20.0, 10: 3.0, 100: 1e-23, 1000: 1e18}, "reproduced"),
        ({1: 20.0, 10: 3.0, 100: 4.0, 1000: 1e18}, "partly reproduced"),
        ({10: 30.0, 100: 40.0, 1000: 1.0}, "not reproduced"),
        ({10: 3.0}, "not run"),
        ({10: 3.0, 100: 1e-23, 1000: None}, "reproduced"),
    ],
)
def test_sgd_on_the_toy_problem(losses, verdict):
    finding = judged("sgd_toy", measured(rows=toy(losses)))
    assert finding.verdict == verdict
    if losses.get(1000) == 1e18 and verdict == "reproduced":
        assert "rate 100 takes the loss from 25 to 1e-23" in finding.sentence
        assert "rate 1000 takes the loss from 25 to 1e+18 (diverged)." in finding.sentence


def test_the_accounting_is_compared_figure_by_figure():
    small = measured("GPT-2 small", parameters=5, flops_total=100, share_feedforward=0.4, share_head=0.27)
    large = measured("GPT-2 XL", parameters=9, flops_total=1000, share_feedforward=0.57, share_head=0.05)
    long = measured("GPT-2 XL, context 16,384", flops_total=38_000, share_scores=0.3, share_values=0.25)
    reported = {"parameters": {"GPT-2 small": 5, "GPT-2 XL": 9}}
    finding = judged("accounting", small, large, long, reported=reported)
    assert finding.verdict == "reproduced"
    assert "2 of 2 figures equal" in finding.sentence
    assert "feed-forward networks changes from 40% to 57%, that of the head from 27% to 5%" in finding.sentence
    assert "38 times as many, of which scores and weighted values are 55%" in finding.sentence
    wrong = judged("accounting", small, reported={"parameters": {"GPT-2 small": 5}, "flops_total": {"GPT-2 small": 7}})
    assert wrong.verdict == "partly reproduced"
    assert (
        "1 of 2 figures equal those reported elsewhere, not flops total of GPT-2 small: 100, reported 7"
        in wrong.sentence
    )


def test_the_cost_of_adamw():
    result = measured("GPT-2 XL", fixed_bytes=26, bytes_per_sequence=15, largest_batch=3, days=4885.9)
    reported = {"largest_batch": {"GPT-2 XL": 3}, "days": {"GPT-2 XL": 4886}}
    assert judged("adamw_cost", result, reported=reported).verdict == "reproduced"
    assert judged("adamw_cost", result, reported={"days": {"GPT-2 XL": 5000}}).verdict == "not reproduced"
    assert judged("adamw_cost", result).verdict == "not comparable"


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [((4.0, 3.4, 4.5), "reproduced"), ((4.0, 4.2, 4.5), "partly reproduced"), ((4.0, 4.2, 4.1), "not reproduced")],
)
def test_compression(ratios, verdict):
    names = ("stories_on_stories", "stories_on_web", "web_on_web")
    finding = judged("compression", measured(**dict(zip(names, ratios, strict=True))))
    assert finding.verdict == verdict
    assert f"4.00 bytes per token on stories and {ratios[1]:.2f} on web text" in finding.sentence


def test_compression_at_full_size_is_compared_with_the_figures():
    values = {"stories_on_stories": 4.0, "stories_on_web": 3.4, "web_on_web": 4.9}
    reported = {"stories_on_stories": {"one": 4.01}, "web_on_web": {"one": 4.5}}
    finding = judged("compression", measured(**values), scale="gpu", reported=reported)
    assert finding.verdict == "partly reproduced"
    assert "Other than reported: web on web of one: 4.9, reported 4.5." in finding.sentence
    assert judged("compression", measured()).verdict == "not run"


def test_tokenizer_training():
    values = {"vocab_size": 10_000, "seconds": 2.5, "peak_memory_bytes": 2e9, "longest_token": " accomplishment"}
    reported = {"longest_token": {"stories": " accomplishment"}, "seconds": {"stories": 135}}
    small = judged("tokenizer_training", measured("stories", **values), reported=reported)
    assert small.verdict == "not comparable"
    assert (
        "10,000 entries are learned in 2.5 s and 2.00 GB of memory; the longest is “ accomplishment”" in small.sentence
    )
    assert (
        judged("tokenizer_training", measured("stories", **values), scale="gpu", reported=reported).verdict
        == "reproduced"
    )
    other = measured("stories", **{**values, "longest_token": " a"})
    assert judged("tokenizer_training", other, scale="gpu", reported=reported).verdict == "not reproduced"


def test_encoding_speed():
    result = measured("stories", megabytes_per_second=68.0, hours_for_825_gb=3.37, megabytes_per_second_1_thread=40.0)
    finding = judged("encoding_speed", result, reported={"megabytes_per_second": {"stories": 6.8}})
    assert finding.verdict == "not comparable"
    assert "68 MB/s (40 with one thread), so 3.37 hours" in finding.sentence
    assert "10.0 times the reported speed" in finding.sentence
    assert judged("encoding_speed", measured("stories")).verdict == "not run"


def test_dtype():
    row = {"tokens": 10, "largest_id": 9_999, "dtype": "uint16", "bytes": 20, "int64_bytes": 80}
    overflow = measured("overflow", rows=[{"id": 65_537, "stored_as_uint16": 1}])
    finding = judged("dtype", measured("token files", rows=[row]), overflow)
    assert "The largest of 10 ids is 9,999, below 65,536: uint16 takes 20 bytes, 0.25 times" in finding.sentence
    assert "id 65,537 would be read back as 1." in finding.sentence
    large = judged("dtype", measured("token files", rows=[{**row, "largest_id": 70_000, "dtype": "uint32"}]))
    assert "too large for uint16: uint32 is used" in large.sentence
    assert judged("dtype", overflow).verdict == "not run"


def test_unicode():
    values = {f"stories_utf_{bits}_bytes": bits for bits in (8, 16, 32)}
    finding = judged("unicode", measured(rows=[{"question": "?"}] * 3, **values))
    assert "3 questions are answered" in finding.sentence
    assert "2.00 times as many bytes in UTF-16 as in UTF-8, and 4.00 times" in finding.sentence
    assert judged("unicode", measured()).verdict == "not run"


def test_decoding():
    cells = [
        {"temperature": t, "top_p": p, "distinct_2": t * p, "repeated_4grams": 1 - t, "mean_log_probability": -t}
        for t in (0.25, 0.75)
        for p in (0.5, 1.0)
    ]
    finding = judged("decoding", measured(rows=cells, text_distinct_2=0.4))
    assert "From temperature 0.25, top-p 0.5 to temperature 0.75, top-p 1 " in finding.sentence
    assert "from 12% to 75%" in finding.sentence
    assert "nearest to them is temperature 0.75, top-p 0.5 with 38%" in finding.sentence
    assert judged("decoding", measured(rows=cells[:1])).verdict == "not run"
    assert judged("decoding", measured(rows=[cells[0], {**cells[1], "distinct_2": None}])).verdict == "not run"
