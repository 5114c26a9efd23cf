"""Makes the studio model: an animated world to learn from, the networks' training, and the judge of what was learnt.

May know: the engine's own model classes (`storyreel_engine.studio_*`), torch, diffusers. Must never know: Triton, Kafka, films.
Nothing of this runs in production; `storyreel_engine` never imports it.
"""
