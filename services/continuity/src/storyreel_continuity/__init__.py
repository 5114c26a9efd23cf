"""Measures palette, exposure and camera of every take against the film's bible and the shot before it, and says the numbers.

May know: the plan's look, decoded frames, thresholds as data. Must never: command (the planner decides what to do about drift),
judge what is allowed, change a pixel, invent a number for what cannot be measured, or decode on the event loop.
Walk: `app` -> `handlers` -> `domain/decisions` -> `domain/comparing`; the measuring is `domain/colour`, `domain/camera`.
"""
