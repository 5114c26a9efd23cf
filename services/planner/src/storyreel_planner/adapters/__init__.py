"""One file per outside thing: the language model's endpoint, the model card's file."""
