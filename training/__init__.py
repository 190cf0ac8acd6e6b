"""What training needs beside the networks: pictures, checkpoints, a record of the run, workers."""
