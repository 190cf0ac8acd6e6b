"""What trainings and completions write for TensorBoard."""
