"""The renderer: turns a request for a shot into a take in the store, paying for each build key once.

It takes `shot.requested` of both topics, looks whether the take exists, leases its build key, queues it by tier, tenant
share and deadline, renders it on the least-loaded server that has the model, and stores and announces the result.
What a preview began, its final goes on with.

This room may know: render servers (behind `domain.ports.RenderEngine`), device seconds and what they cost, leases.
It must never: judge a picture, choose a prompt, a seed or a tier, retry what the planner has to remedy, know a brief.
Walk: `domain.decisions` -> `handlers` -> `workflows.bringing` -> `workflows.desk` -> `domain.fairness`.
"""

__version__ = "0.1.0"
