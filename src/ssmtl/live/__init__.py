"""Live cameras: watching them, keeping what was found, telling others, and the web page."""
