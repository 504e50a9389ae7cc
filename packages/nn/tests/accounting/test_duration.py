import pytest

from nn.accounting import training_seconds


def test_gpt2_xl_takes_the_published_number_of_days():
    step = 10_289_912_846_745_600
    assert round(training_seconds(400_000 * step, 19.5e12, 0.5) / 86_400) == 4_886


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 1e12, 0.5), "flops is -1.0"),
        ((1e12, 0.0, 0.5), "peak_flops is 0.0"),
        ((1e12, 1e12, 1.5), "mfu is 1.5"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        training_seconds(*arguments)
