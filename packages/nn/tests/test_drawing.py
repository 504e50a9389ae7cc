import pytest
import torch

from nn import SamplingConfig
from nn.drawing import TokenDrawer
from nn.sampling import draw

CPU = torch.device("cpu")


def seeded(seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def drawn(drawer, logits, count):
    ids = []
    for _ in range(count):
        drawer.prepare()
        ids.append(drawer.draw(logits).tolist())
    return ids


def test_each_row_takes_the_numbers_of_its_generator_one_after_another():
    logits = torch.randn(2, 30)
    generators = [torch.Generator().manual_seed(seed) for seed in (5, 6)]
    ids = drawn(TokenDrawer([SamplingConfig()] * 2, [[1], [2]], 30, CPU, generators), logits, 600)
    again = [torch.Generator().manual_seed(seed) for seed in (5, 6)]
    for row_ids in ids:
        numbers = torch.cat([torch.rand(1, generator=generator, dtype=torch.float64) for generator in again])
        assert row_ids == draw(logits, SamplingConfig(), numbers).tolist()


def test_without_generators_torchs_own_is_used():
    logits = torch.randn(2, 30)
    texts = []
    for _ in range(2):
        torch.manual_seed(4)
        texts.append(drawn(TokenDrawer([SamplingConfig()] * 2, [[1], [2]], 30, CPU), logits, 20))
    assert texts[0] == texts[1]


def test_greedy_choices_leave_the_generator_as_it_is():
    logits, before = torch.randn(1, 30), torch.get_rng_state()
    drawn(TokenDrawer([SamplingConfig(0.0)], [[1]], 30, CPU), logits, 3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("penalty", [1.0, 1e6])
def test_prompt_and_drawn_ids_are_seen(penalty):
    drawer = TokenDrawer([SamplingConfig(0.0, repetition_penalty=penalty)] * 2, [[3, 2], [0]], 4, CPU)
    ids = drawn(drawer, torch.tensor([1.0, 2.0, 3.0, 4.0]).expand(2, 4), 4)
    assert ids == ([[3, 3]] * 4 if penalty == 1 else [[1, 3], [0, 2], [3, 1], [3, 3]])


SETTINGS = [
    SamplingConfig(0.0),
    SamplingConfig(),
    SamplingConfig(0.5, top_k=9),
    SamplingConfig(),
    SamplingConfig(1.5, repetition_penalty=1.5),
]


def test_rows_with_settings_of_their_own_draw_what_they_would_draw_alone():
    logits, prompts = torch.randn(5, 30), [[row] for row in range(5)]
    together = drawn(TokenDrawer(SETTINGS, prompts, 30, CPU, seeded(range(5))), logits, 300)
    for row, sampling in enumerate(SETTINGS):
        alone = TokenDrawer([sampling], prompts[row : row + 1], 30, CPU, seeded([row]))
        assert [ids[row] for ids in together] == [ids[0] for ids in drawn(alone, logits[row : row + 1], 300)]


@pytest.mark.parametrize("before", [0, 1, 255, 256, 300])
def test_numbers_that_were_drawn_before_are_skipped(before):
    logits = torch.randn(2, 30)
    whole = drawn(TokenDrawer([SamplingConfig()] * 2, [[1], [2]], 30, CPU, seeded([5, 6])), logits, 700)
    rest = drawn(TokenDrawer([SamplingConfig()] * 2, [[1], [2]], 30, CPU, seeded([5, 6]), [before, 100]), logits, 400)
    assert [ids[0] for ids in rest] == [ids[0] for ids in whole[before : before + 400]]
    assert [ids[1] for ids in rest] == [ids[1] for ids in whole[100:500]]


def test_a_greedy_row_leaves_its_generator_as_it_is():
    generators = seeded([5, 6])
    drawn(TokenDrawer(SETTINGS[:2], [[1], [2]], 30, CPU, generators), torch.randn(2, 30), 3)
    unused, used = seeded([5, 6])
    assert torch.equal(generators[0].get_state(), unused.get_state())
    assert not torch.equal(generators[1].get_state(), used.get_state())
