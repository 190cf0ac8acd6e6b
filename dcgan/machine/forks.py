"""Processes that were forked after TensorFlow had begun to work."""

import os

_FORKED = ("this process was forked after a network was made. TensorFlow's threads were not "
           "copied, and it would wait for them forever. Make or load the network in each process, "
           "after the fork (gunicorn: without --preload), or start processes by "
           'multiprocessing.get_context("spawn")')
_first = None  # the process that made the first network


def refuse_in_children(kind):
    """To be called where a `kind` of network is made: in processes that are forked from now on,
    whatever is asked of one is a RuntimeError, and so is this."""
    global _first
    if _first is None:
        _first = os.getpid()
        os.register_at_fork(after_in_child=lambda: setattr(kind, "__getattribute__", _refuse))
    elif _first != os.getpid():
        raise RuntimeError(_FORKED)


def _refuse(network, name):
    if name.startswith("__"):  # Python's own
        return object.__getattribute__(network, name)
    raise RuntimeError(_FORKED)
