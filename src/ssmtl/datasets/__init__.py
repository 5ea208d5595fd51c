"""The layouts, annotations and protocols of data sets."""
