"""A model that calls a function of ours, and then answers: `python clients/examples/tools.py [ROUTE]`."""

# ruff: noqa: T201 (an example prints)

import json
import os
import sys

from switch_client import Switch

ROUTE = sys.argv[1] if len(sys.argv) > 1 else "demo"
TARGET = os.environ.get("SWITCH_TARGET", "localhost:50051")

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city, now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def weather(city: str = "Berlin") -> str:
    return f"It is sunny in {city}."


with Switch(TARGET, api_key=os.environ.get("SWITCH_API_KEY"), timeout=60) as client:
    messages = [{"role": "user", "content": "What is the weather in Berlin?"}]
    answer = client.chat(ROUTE, messages, tools=[WEATHER]).choices[0].message
    for call in answer.tool_calls:
        print(f"-> {call.function.name}({call.function.arguments})")
        arguments = json.loads(call.function.arguments or "{}")
        result = weather(**{name: value for name, value in arguments.items() if name == "city"})
        # An answer goes back as it came: messages and dicts mix.
        messages = [*messages, answer, {"role": "tool", "tool_call_id": call.id, "content": result}]
    if answer.tool_calls:
        answer = client.chat(ROUTE, messages, tools=[WEATHER]).choices[0].message
    print(answer.content)
