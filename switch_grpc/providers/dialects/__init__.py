"""Wire formats: one module a dialect, each reading top to bottom: request, reply, stream, faults."""
