"""The engine: one loop that serves every call, unary or streamed, from whichever door.

`engine` has the loop, `admission` lets calls in, `plan` decides who is asked next and `tries` does so,
`attempt` settles each try exactly once, `ask` is one exchange with a provider, in one of its `regions`,
`relay` what of it the caller gets, `deadline` the time that each part may take. `health` checks who is not
asked, `control` is what admin RPCs do.
"""
