"""One question, one answer, and who gave it: `python clients/examples/chat.py [ROUTE [TEXT]]`."""

# ruff: noqa: T201 (an example prints)

import os
import sys

from switch_client import Switch

route = sys.argv[1] if len(sys.argv) > 1 else "demo"
text = sys.argv[2] if len(sys.argv) > 2 else "What is a circuit breaker?"
target = os.environ.get("SWITCH_TARGET", "localhost:50051")

with Switch(target, api_key=os.environ.get("SWITCH_API_KEY"), timeout=60) as client:
    reply = client.chat(route, text, temperature=0.2)

print(reply.choices[0].message.content)
info = reply.route_info
print(f"-- {info.target} ({info.provider}), {reply.usage.total_tokens} tokens, {info.provider_ms:.0f} ms")
