"""The sub-commands, in the order of `switch --help`."""

from switch_grpc.cli import chat, demo, mock, routes, serve, validate

COMMANDS = (
    serve.add_parser,
    demo.add_parser,
    validate.add_parser,
    routes.add_parser,
    chat.add_parser,
    mock.add_parser,
)
