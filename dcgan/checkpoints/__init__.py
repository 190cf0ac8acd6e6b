"""Checkpoints: which there are, what is in them, and writing them so that a kill loses nothing.

Two kinds are read: ours (`tf.train.Checkpoint`), and the name-based ones of the original code.
"""
