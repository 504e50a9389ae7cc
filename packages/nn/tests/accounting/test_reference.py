from configurations import gpt2

from nn.accounting import reference_memory


def test_gpt2_xl_has_the_published_figures():
    xl = gpt2("xl")
    for batch in (1, 3, 1024):
        assert reference_memory(xl, batch).total == 15_311_904_768 * batch + 26_168_601_600
    assert reference_memory(xl, 3).total <= 80e9 < reference_memory(xl, 4).total
