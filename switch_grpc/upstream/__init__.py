"""The one way out: HTTP to providers, behind an interface small enough to script in tests.

Foreign exceptions end here: whatever the network does becomes a Fault of the right kind.
"""
