"""What touches the world: codecs, fonts, the voice, the signer and the store."""
