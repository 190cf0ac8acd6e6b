"""Picture files: reading, drawing and saving; other depths, EXIF data, lossy blocks."""
