"""What the program knows of its CPU, and tells TensorFlow."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

from dcgan.machine import cpu, groups, memory

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("first", ["model", "ops", "utils", "dcgan.networks.convolution"])
@pytest.mark.parametrize("given,expected", [(None, "1"), ("0", "0")])
def test_onednn_is_on_before_tensorflow_is_there(first, given, expected):
    """Whatever is imported first; a setting of the user's own stands."""
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    if given:
        environment["TF_ENABLE_ONEDNN_OPTS"] = given
    code = f"""
import os, sys
class Watch:
    def find_spec(self, name, *_):
        if name == "tensorflow":
            print("onednn", os.environ.get("TF_ENABLE_ONEDNN_OPTS"))
            sys.exit()
sys.meta_path.insert(0, Watch())
import {first}
import tensorflow
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, text=True,
                            capture_output=True)
    assert result.stdout == f"onednn {expected}\n", result.stderr


@pytest.mark.parametrize("given", [None, "0"])
def test_keras_is_there_for_who_uses_it(given):
    """In a notebook, after a script's import of TensorFlow; the environment is as it was."""
    environment = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    if given:
        environment["TF_USE_LEGACY_KERAS"] = given
    code = """
import os, sys
from dcgan.machine.importing import import_tensorflow
import_tensorflow()
print(os.environ.get("TF_USE_LEGACY_KERAS"), "keras" in sys.modules)
import tensorflow as tf
from tensorflow.keras import layers
import keras
print(layers.Dense is keras.layers.Dense is tf.keras.layers.Dense, tf.optimizers.Adam.__module__)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, text=True,
                            capture_output=True)
    assert result.stdout.splitlines() == [
        f"{given} {given is not None}", "True keras.src.optimizers.adam"], result.stderr


@pytest.mark.parametrize("limit,allowed", [
    ("", {"avx2", "avx512f", "avx512_bf16"}), ("AVX512_CORE_AMX_FP16", {"avx2", "avx512f",
                                                                        "avx512_bf16"}),
    ("avx512_core", {"avx2", "avx512f"}), ("AVX2", {"avx2"}), ("SSE41", set())])
def test_instructions_that_onednn_is_told_to_leave_alone_do_not_count(limit, allowed, monkeypatch):
    monkeypatch.setattr(cpu, "_flags", lambda: {"avx2", "avx512f", "avx512_bf16", "fma"})
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    flags = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    assert {flag for flag in flags if cpu.has(flag)} == allowed
    assert cpu.has_bfloat16() == ("avx512_bf16" in allowed)


def test_taskset_counts():
    result = subprocess.run(
        [sys.executable, "-c", "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
         "import align; print(align.parse_args(['raw', 'computeMean']).jobs)"],
        cwd=ROOT, text=True, capture_output=True)
    assert result.stdout == "1\n", result.stderr


@pytest.mark.parametrize("files,expected", [
    ({}, 64), ({"cpu.max": "max 100000"}, 64), ({"cpu.max": "150000 100000"}, 2),
    ({"a/cpu.max": "400000 100000", "a/b/cpu.max": "max 100000"}, 4),
    ({"a/b/cpu.max": "1000 100000"}, 1), ({"elsewhere/cpu.max": "1000 100000"}, 64),
    ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
    ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64)], ids=str)
def test_a_containers_limit_counts(files, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    monkeypatch.setattr(groups, "_GROUP", tmp_path / "group")
    monkeypatch.setattr(groups, "_ROOT", tmp_path / "groups")
    assert cpu.usable() == 64  # as where there are no such files
    (tmp_path / "group").write_text("4:memory:/x\n0::/a/b\n")
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert cpu.usable() == expected


@pytest.mark.parametrize("files,expected", [
    ({}, 8192), ({"memory.max": "max", "memory.current": "1000"}, 8192),
    ({"a/memory.max": "6000", "a/memory.current": "1000"}, 5000),
    ({"memory/memory.limit_in_bytes": "3000", "memory/memory.usage_in_bytes": "1000"}, 2000),
    ({"memory/memory.limit_in_bytes": str(2**63), "memory/memory.usage_in_bytes": "1"}, 8192)],
    ids=str)
def test_memory_that_is_left(files, expected, tmp_path, monkeypatch):
    for module, name, path in ((memory, "_INFO", "info"), (groups, "_GROUP", "group"),
                               (groups, "_ROOT", "groups")):
        monkeypatch.setattr(module, name, tmp_path / path)
    assert memory.available() == float("inf")  # as where there are no such files
    (tmp_path / "info").write_text("MemTotal: 99 kB\nMemAvailable:     8 kB\n")
    (tmp_path / "group").write_text("0::/a\n")
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    assert memory.available() == expected
