"""What training needs beside the networks: its loop, dataset, record, workers, validation."""
