"""Configuration: from a text and an environment to one frozen `Config`, or to every problem at once.

The stages, each its own file, in order: `source` finds the text (the one part that reads files); `jsonc` and
`yaml12` turn it into a `tree` with line numbers, `parse` picks between them; `expand` replaces `${VAR}`;
`schema` (with `service`, `stores` and `section`) says what may be written, `explain` words what pydantic
finds, `repair` lets the checks go on behind it; `environment` reads the variables; `check` (with
`check_routes`, `check_targets`, `check_stores`, `check_service`, `urls`) follows the references; `resolve`
(with `layers` and `routes`) merges target > pool > route > top level > environment > default into
`effective`. `problem` is what all of them report; `document` writes the reference and the JSON Schema.

The file keeps the units of its keys (mostly milliseconds); `effective` holds seconds.
"""
