"""What the network did, as the fault that it means: one wording for every way out.

`sent=True` where the request may have been read, and paid for, although no answer came.
"""

from switch_grpc.faults import Fault, Kind

# Before the request is sent.


def bad_url() -> Fault:
    return Fault(Kind.UPSTREAM_UNREACHABLE, "the target's apiBase is not a URL that can be reached")


def bad_header(name: str) -> Fault:
    """A header that would break the request's framing; its value may be a secret, so it is not told."""
    return Fault(
        Kind.UPSTREAM_UNREACHABLE,
        f"header {name!r} holds a line break or a character that HTTP cannot carry; "
        "correct the target's headers or its credential",
    )


def denied() -> Fault:
    return Fault(
        Kind.UPSTREAM_UNREACHABLE,
        "the provider's host has an address in a denied range; list it in egress.allowHosts",
    )


def unresolved() -> Fault:
    return Fault(Kind.UPSTREAM_UNREACHABLE, "the provider's host name does not resolve")


def refused() -> Fault:
    return Fault(Kind.UPSTREAM_UNREACHABLE, "the provider refused the connection")


def refused_by_proxy(status: int) -> Fault:
    return Fault(
        Kind.UPSTREAM_UNREACHABLE, f"the proxy made no connection to the provider: it answered {status}"
    )


def slow_connect() -> Fault:
    return Fault(Kind.UPSTREAM_UNREACHABLE, "connecting to the provider took too long")


def no_handshake() -> Fault:
    return Fault(Kind.UPSTREAM_UNREACHABLE, "the TLS handshake with the provider failed")


def bad_certificate(reason: object) -> Fault:
    """`reason`: an ssl.SSLCertVerificationError, or whatever else there is."""
    detail = getattr(reason, "verify_message", "invalid")
    return Fault(Kind.UPSTREAM_TLS, f"the provider's TLS certificate is not valid: {detail}")


# Before the answer's head.


def no_answer() -> Fault:
    return Fault(Kind.UPSTREAM_TIMEOUT, "the provider sent no answer in time")


def hung_up(*, sent: bool = True) -> Fault:
    message = "the provider closed the connection without answering"
    return Fault(Kind.UPSTREAM_UNREACHABLE, message, sent=sent)


def not_http() -> Fault:
    return Fault(Kind.UPSTREAM_PROTOCOL, "the provider's answer is not HTTP")


def stood_still(*, sent: bool = True) -> Fault:
    """Who was late is this process, and no target is to blame for it."""
    return Fault(Kind.LOCAL, "the gateway stood still and lost track of time; give it more CPU", sent=sent)


# Within the answer's body.


def went_silent() -> Fault:
    return Fault(Kind.UPSTREAM_TIMEOUT, "the provider stopped sending")


def cut(kind: Kind) -> Fault:
    """`kind`: UPSTREAM_ERROR for a whole answer, STREAM_INTERRUPTED for a stream."""
    return Fault(kind, "the provider's answer ended before it was complete")


def unreadable() -> Fault:
    return Fault(Kind.UPSTREAM_PROTOCOL, "the provider's answer cannot be read")


def unknown_coding(coding: str) -> Fault:
    """A content coding that we neither asked for nor read."""
    return Fault(Kind.UPSTREAM_PROTOCOL, f"the provider's answer has the content coding {coding[:40]!r}")


def too_large(limit: int) -> Fault:
    return Fault(Kind.UPSTREAM_PROTOCOL, f"the provider's answer is larger than {limit} bytes")


def too_long(limit: int) -> Fault:
    return Fault(Kind.UPSTREAM_PROTOCOL, f"the provider's stream is longer than {limit} bytes")
