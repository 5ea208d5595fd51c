"""Where to look: motion, background subtraction, given boxes, and their union."""
