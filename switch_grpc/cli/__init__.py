"""The sub-commands of `switch`: one file each, with `add_parser` and `run`. Names and flags are public."""
