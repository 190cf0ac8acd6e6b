"""How a training does on faces that it does not learn from."""
