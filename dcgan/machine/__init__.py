"""The process and its machine: CPU, memory, signals, importing TensorFlow, versions."""
