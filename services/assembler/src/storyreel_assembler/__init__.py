"""Cuts, grades, captions, sounds, signs and publishes the film.

May know: plans, takes (shot files), brand kits, the artifact store, FFmpeg's libraries, a speech synthesiser, C2PA.
Must never: decide what is rendered or accepted (the planner does), judge content (safety does), load a neural model,
or change the bytes of a segment whose inputs did not change.
"""
