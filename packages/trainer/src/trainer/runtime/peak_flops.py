"""Peak FLOP/s of a device, from its datasheet: the denominator of MFU.

Teraflops of dense matrix products (datasheets often state twice as much, for structured sparsity), accumulated in
float32. The names are exactly those that CUDA reports: laptop variants, MIG slices and cut-down editions of a card are
different devices.
"""

from typing import Literal, NamedTuple

MatmulFormat = Literal["float32", "tf32", "bfloat16"]
"""The number format of matrix products: float32 without tensor cores, TF32, or bfloat16 (autocast)."""


class _Peak(NamedTuple):
    bfloat16: float | None
    tf32: float | None
    float32: float | None


# NVIDIA B200 and GB200: "Blackwell" datasheet, per GPU, halved where it counts sparsity.
_GB200 = _Peak(2500, 1250, 80)
_B200 = _Peak(2250, 1100, 75)
# H100: "NVIDIA H100 Tensor Core GPU Architecture" whitepaper, table 2, and the H100 datasheet (NVL).
# H200 and GH200 use the same chip: H200 and GH200 datasheets.
_H100_SXM = _Peak(989.4, 494.7, 66.9)
_H100_PCIE = _Peak(756, 378, 51.2)
_H100_NVL = _Peak(835.5, 417.5, 60)
# A100: A100 datasheet; A30, A10, A40: their datasheets.
_A100 = _Peak(312, 156, 19.5)
# V100 and T4: their datasheets. Neither has bfloat16 or TF32 in its tensor cores.
_V100_SXM = _Peak(None, None, 15.7)
_V100_PCIE = _Peak(None, None, 14)

_TERAFLOPS: dict[str, _Peak] = {
    "NVIDIA GB200": _GB200,
    "NVIDIA B200": _B200,
    "NVIDIA H200": _H100_SXM,
    "NVIDIA H200 NVL": _H100_NVL,
    "NVIDIA GH200 480GB": _H100_SXM,
    "NVIDIA H100 80GB HBM3": _H100_SXM,
    "NVIDIA H100 PCIe": _H100_PCIE,
    "NVIDIA H100 NVL": _H100_NVL,
    "NVIDIA A100-SXM4-40GB": _A100,
    "NVIDIA A100-SXM4-80GB": _A100,
    "NVIDIA A100-PCIE-40GB": _A100,
    "NVIDIA A100 80GB PCIe": _A100,
    "NVIDIA A30": _Peak(165, 82, 10.3),
    "NVIDIA A10": _Peak(125, 62.5, 31.2),
    "NVIDIA A40": _Peak(149.7, 74.8, 37.4),
    "Tesla V100-SXM2-16GB": _V100_SXM,
    "Tesla V100-SXM2-32GB": _V100_SXM,
    "Tesla V100-PCIE-16GB": _V100_PCIE,
    "Tesla V100-PCIE-32GB": _V100_PCIE,
    "Tesla T4": _Peak(None, None, 8.1),
    # L4, L40, L40S, RTX 6000 Ada: their datasheets; RTX A6000: "NVIDIA Ampere GA102" whitepaper, table 12.
    "NVIDIA L4": _Peak(121, 60, 30.3),
    "NVIDIA L40": _Peak(181, 90.5, 90.5),
    "NVIDIA L40S": _Peak(362, 183, 91.6),
    "NVIDIA RTX 6000 Ada Generation": _Peak(364.2, 182.1, 91.1),
    "NVIDIA RTX A6000": _Peak(154.8, 77.4, 38.7),
    # GeForce: the whitepapers on GA102, Ada and RTX Blackwell, appendix A, "with FP32 accumulate".
    "NVIDIA GeForce RTX 3090": _Peak(71, 35.6, 35.6),
    "NVIDIA GeForce RTX 4090": _Peak(165.2, 82.6, 82.6),
    "NVIDIA GeForce RTX 4080": _Peak(97.5, 48.7, 48.7),
    "NVIDIA GeForce RTX 5090": _Peak(209.5, 104.8, 104.8),
}


def datasheet_peak_flops(device_name: str, matmul_format: MatmulFormat) -> float | None:
    """Return the peak FLOP/s in a device's datasheet; None for a device that is not in the table.

    >>> datasheet_peak_flops("NVIDIA A100-SXM4-80GB", "bfloat16")
    312000000000000.0
    >>> datasheet_peak_flops("cpu", "float32") is None
    True
    """
    peak = _TERAFLOPS.get(device_name)
    teraflops = None if peak is None else getattr(peak, matmul_format)
    return None if teraflops is None else teraflops * 1e12
