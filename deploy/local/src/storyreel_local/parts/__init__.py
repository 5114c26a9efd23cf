"""The parts, one module each, all of one shape (`base.py`).

A part knows its own data and ports. It waits for nobody, draws nothing but progress, and starts no other part.
"""
