"""How TensorFlow computes."""

from dataclasses import dataclass

from settings.setting import Settings, setting


@dataclass(frozen=True)
class Machine(Settings):
    """The settings of both scripts that say how TensorFlow computes."""

    precision: str = setting(
        "float32", "number type of the convolutions; weights, statistics and losses stay float32. "
        "bfloat16 pays on GPUs and on CPUs that compute in it (avx512_bf16 or amx_bf16 in lscpu), "
        "float16 on GPUs", choices=("float32", "bfloat16", "float16"))
    jit: bool = setting(
        None, "compile with XLA (default: the training step on a single GPU; searches are over "
        "before they would be compiled, and XLA's convolutions on CPUs are several times slower)")
    tf32: bool = setting(
        True, "let GPUs multiply float32 with 10 bits of mantissa, several times faster")
