"""Byte streams cut into events. Sans-io: feed bytes, get events, however the bytes were split."""
