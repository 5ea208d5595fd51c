"""Pre-trained networks whose answers some proxy tasks learn: a classifier, a segmentation and a pose network."""
