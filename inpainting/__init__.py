"""What complete.py does around the network: masks, frames of photographs, blending, results."""
