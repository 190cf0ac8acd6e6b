"""Completion, arrays in and arrays out: masks, the search, blending, frames of photographs."""
