"""Frames in, frames out: files, folders of pictures, and writing."""
