"""The engine: one loop that serves every call, unary or streamed, from whichever door.

`engine` has the loop, `admission` lets calls in, `plan` decides who is asked next and `tries` does so,
`attempt` settles each try exactly once, `ask` is one exchange with a provider, `deadline` the time that each
part may take, `control` what admin RPCs do.
"""
