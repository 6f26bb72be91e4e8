"""Training: the losses of networks and codecs, and the loop that minimises them."""
