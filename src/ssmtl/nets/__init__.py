"""Pure networks: backbones, heads, and the network that joins them."""
