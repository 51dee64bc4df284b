"""Routing: which targets a call may try, in which order, and how each one has been doing. Pure.

`breaker` and `window` say whether a target may be asked, `load` how loaded it is, `balance` in which order to
ask, `budget` and `limits` how much asking there may be. `target` holds one target's state, `route` a route's,
`table` all routes by name. Time is an argument, in seconds on one monotonic clock; so is chance.
"""
