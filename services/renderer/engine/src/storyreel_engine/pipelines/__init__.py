"""Adapters of diffusers' video pipelines, one module for each family; `loader` imports them by name, because all need torch.

`base` holds what they share (units, batches, drafts, windows, checkpoints); a family fills the hooks that `base` names.
"""
