"""What fills a sequence after its end token. Here, apart from `sequences`, so that text needs no TensorFlow."""

PADDING = -1
"""It is not a token: no vocabulary has to reserve an id for it."""
