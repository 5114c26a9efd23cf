"""Turns a brief into a plan and directs the film: who may be rendered, rendered again, accepted, downgraded, given up.

May know: the brief, the plan, verdicts, reports, takes by reference, prices. Must never: look at pixels, render, cut,
judge what is allowed, or write a terminal fact without having won the version's outcome claim.
Walk: `app` -> `handlers` -> `domain/director` (the state machine) and `domain/composing` (how a plan is made).
"""
