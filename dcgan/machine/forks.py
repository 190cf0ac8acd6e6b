"""Refuses networks in processes that were forked after TensorFlow had started."""

import os

_FORKED = ("this process was forked after a network was made. TensorFlow's threads were not "
           "copied, and it would wait for them forever. Make or load the network in each process, "
           "after the fork (gunicorn: without --preload), or start processes by "
           'multiprocessing.get_context("spawn")')
_first = None  # the process that made the first network


def refuse_in_children(kind):
    """Call this when a network of the class `kind` is made. In processes that are forked later,
    every use of such a network raises a RuntimeError, and so does this function."""
    global _first
    if _first is None:
        _first = os.getpid()
        os.register_at_fork(after_in_child=lambda: setattr(kind, "__getattribute__", _refuse))
    elif _first != os.getpid():
        raise RuntimeError(_FORKED)


def _refuse(network, name):
    if name.startswith("__"):  # attributes of Python itself
        return object.__getattribute__(network, name)
    raise RuntimeError(_FORKED)
