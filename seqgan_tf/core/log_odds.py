"""The bound of the log-odds that a sequence is real, wherever a logit of a discriminator is a value of a sequence."""

CLIP = 3.0
"""Log-odds are clipped to [-3, 3] where no other bound is given."""
