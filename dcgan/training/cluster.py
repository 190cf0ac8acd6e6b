"""One device or many: TensorFlow's strategies, and what workers tell each other."""

import contextlib
import hashlib
import json
import os
import re

import numpy as np
import tensorflow as tf

from dcgan.messages import UserError, first_line


def make_strategy(name, batch_size):
    """The `tf.distribute.Strategy` of `--strategy`.

    Has to be called before TensorFlow computes anything.

    Args:
        name: auto (every GPU of the machine), none, mirrored (the same; without GPUs every logical
            CPU device) or multiworker (the cluster in TF_CONFIG).
        batch_size: of all replicas together.

    Raises:
        UserError: TF_CONFIG cannot be used, or the batch not be divided.
    """
    if name == "multiworker":
        _check_tf_config(os.environ.get("TF_CONFIG", ""))
        try:
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
        except (tf.errors.OpError, ValueError, RuntimeError) as error:  # its port is taken, ...
            raise UserError(f"--strategy multiworker: {first_line(error)}") from error
    else:
        gpus = [gpu.name for gpu in tf.config.list_logical_devices("GPU")]
        devices = gpus or [cpu.name for cpu in tf.config.list_logical_devices("CPU")]
        several = name == "mirrored" or (name == "auto" and len(gpus) > 1)
        strategy = (tf.distribute.MirroredStrategy(devices) if several
                    else tf.distribute.get_strategy())
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise UserError(f"--batch_size {batch_size}: must be a multiple of {replicas}, the number "
                        "of devices that share it")
    return strategy


def _check_tf_config(text):
    """What TensorFlow would fail on, or wait for, without saying why."""
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        index = task["index"]
        usable = (list(config["cluster"]) == ["worker"] and isinstance(workers, list)
                  and all(re.fullmatch(r".+:\d+", address) for address in workers)
                  and task["type"] == "worker" and type(index) is int
                  and 0 <= index < len(workers))
    except (ValueError, KeyError, TypeError):
        usable = False
    if not usable:
        raise UserError(
            f"--strategy multiworker: TF_CONFIG {text or 'is not set'}: must be like "
            '{"cluster": {"worker": ["host0:12345", "host1:12345"]}, '
            '"task": {"type": "worker", "index": 0}}')


def worker_of(strategy):
    """`(index, count)`: which of its cluster's workers this process is; 0 of 1 without one."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return 0, 1
    return resolver.task_id, resolver.cluster_spec().num_tasks("worker")


def total(strategy, values, first_alone=False):
    """Sums over all replicas of the cluster, on every worker.

    Args:
        strategy: of the cluster.
        values: a list of tensors, of the same shapes and dtypes on each worker.
        first_alone: only the first replica's count, so that all get what the chief has.

    Returns:
        The list of the sums.
    """
    @tf.function(autograph=False)
    def exchange(values):
        def of_replica(values):
            context = tf.distribute.get_replica_context()
            counts = not first_alone or tf.equal(context.replica_id_in_sync_group, 0)
            # One by one: what goes into one exchange must be of one dtype.
            return [context.all_reduce(tf.distribute.ReduceOp.SUM,
                                       tf.where(counts, value, tf.zeros_like(value)))
                    for value in values]

        return strategy.run(of_replica, [values])

    return [strategy.experimental_local_results(value)[0] for value in exchange(values)]


def require_agreement(strategy, *settings):
    """Raise UserError, on every worker, unless all of them have the same settings."""
    digest = hashlib.sha256(repr(settings).encode()).digest()
    mine = np.frombuffer(digest, np.uint8).astype(np.int64)
    (sums,) = total(strategy, [tf.constant(mine)])
    if not np.array_equal(sums, strategy.num_replicas_in_sync * mine):
        raise UserError("--strategy multiworker: the workers' flags, pictures or checkpoints "
                        "differ; start all workers with the same command and the same pictures")


@contextlib.contextmanager
def naming_failures(strategy):
    """What TensorFlow raises where memory runs out or a worker is gone, as a UserError.

    Args:
        strategy: the name of the strategy.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise UserError(f"not enough memory ({first_line(error)}); choose a smaller "
                        "--batch_size") from error
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
            tf.errors.DeadlineExceededError) as error:
        if strategy != "multiworker":
            raise
        detail = next((line for line in str(error).splitlines() if "abort" in line.lower()),
                      first_line(error))
        raise UserError("--strategy multiworker: another worker ended or cannot be reached; start "
                        "all workers again to resume from the last checkpoint "
                        f"({detail})") from error
