"""Faster ways to compute the article's convolutions on a CPU."""
