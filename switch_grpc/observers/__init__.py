"""Observers: events in, nothing else. Each is a callable that takes an `events.Event` and never raises."""
