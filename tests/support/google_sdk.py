"""The google-genai package, imported where warnings are errors.

Its types.py has an invalid escape sequence in a docstring, which Python warns of whenever it compiles the
file: on each import where no bytecode is kept.
"""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "invalid escape sequence")
    from google import genai
    from google.genai import errors, types

__all__ = ["errors", "genai", "types"]
