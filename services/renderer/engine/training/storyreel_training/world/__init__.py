"""The studio's world: short captioned clips with ground truth, drawn from a seed, faster than a model can learn from them."""
