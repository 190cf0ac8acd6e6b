"""What picture files hold besides eight bits a channel: EXIF data, other depths, lossy blocks."""
