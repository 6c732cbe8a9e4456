"""Meta's SAM 2.1 image model in torch: encoder, decoder, checkpoints in the official format."""
