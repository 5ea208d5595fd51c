"""Object-centric sequences: one box cropped from neighbouring frames, kept and fed."""
