import pytest

from trainer.runtime.peak_flops import datasheet_peak_flops

# From the architecture whitepapers: multiprocessors, boost clock in GHz, and multiply-adds of one per clock,
# in float32 and in the tensor cores in bfloat16 (accumulated in float32).
DESIGNS = {
    "NVIDIA A100-SXM4-80GB": (108, 1.41, 64, 1024),
    "NVIDIA GeForce RTX 3090": (82, 1.695, 128, 256),
    "NVIDIA RTX A6000": (84, 1.8, 128, 512),
    "NVIDIA GeForce RTX 4090": (128, 2.52, 128, 256),
    "NVIDIA L40S": (142, 2.52, 128, 512),
    "NVIDIA RTX 6000 Ada Generation": (142, 2.505, 128, 512),
    "NVIDIA GeForce RTX 5090": (170, 2.407, 128, 256),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_the_table_agrees_with_the_architecture(name):
    multiprocessors, gigahertz, scalar, tensor = DESIGNS[name]
    for matmul_format, multiply_adds in (("float32", scalar), ("bfloat16", tensor), ("tf32", tensor / 2)):
        flops = 2 * multiply_adds * multiprocessors * gigahertz * 1e9
        assert datasheet_peak_flops(name, matmul_format) == pytest.approx(flops, rel=0.015), matmul_format


def test_hopper_clocks_its_tensor_cores_lower():
    """132 multiprocessors, 2,048 multiply-adds in bfloat16 at 1.83 GHz, 128 in float32 at 1.98 GHz."""
    name = "NVIDIA H100 80GB HBM3"
    assert datasheet_peak_flops(name, "bfloat16") == pytest.approx(2 * 132 * 2048 * 1.83e9, rel=0.001)
    assert datasheet_peak_flops(name, "tf32") == pytest.approx(132 * 2048 * 1.83e9, rel=0.001)
    assert datasheet_peak_flops(name, "float32") == pytest.approx(2 * 132 * 128 * 1.98e9, rel=0.001)


@pytest.mark.parametrize(
    "name",
    ["cpu", "", "NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA GeForce RTX 4090 D", "NVIDIA H100 80GB HBM3 MIG 1g.10gb"],
)
def test_unknown_devices_have_no_peak(name):
    assert datasheet_peak_flops(name, "bfloat16") is None


def test_formats_without_hardware_support_have_no_peak():
    assert datasheet_peak_flops("Tesla T4", "bfloat16") is None
    assert datasheet_peak_flops("Tesla T4", "float32") == 8.1e12
