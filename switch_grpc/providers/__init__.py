"""Providers: vendor rows, and the dialects (wire formats) they speak. Pure: bytes and messages, no IO.

`vendors` is the table of rows; `dialects` translate messages to and from wire bodies; `framing` cuts byte
streams into events; `classify` says what an upstream outcome was. A new OpenAI-compatible vendor is one row.
"""
