"""Files of scores, boxes and tracks, ours and other people's: what is read and written, and by whose conventions."""
