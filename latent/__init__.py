"""What a trained network makes of the space of z: pictures of `train-dcgan.py --visualize`."""
