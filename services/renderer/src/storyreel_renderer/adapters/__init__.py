"""What the renderer reaches the world with: one file per outside thing; only `app` builds them."""
