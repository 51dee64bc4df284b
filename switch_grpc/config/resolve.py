"""`Definitions` and the environment to `Config`: target > pool > route > top level > environment > default.

Only for definitions that `check` found no errors in.
"""

from pydantic import SecretStr

from switch_grpc.call import ALL_SCOPES, INFERENCE
from switch_grpc.config import effective, schema, service
from switch_grpc.config.environment import Environment
from switch_grpc.config.layers import listeners, matching, merge
from switch_grpc.config.routes import Routes, egress_of
from switch_grpc.config.server import GrpcOptions
from switch_grpc.config.stores import stores_in


def resolve(definitions: schema.Definitions, environment: Environment) -> effective.Config:
    """The effective configuration."""
    server = _server(definitions, environment)
    admin = effective.Admin(listen=merge(definitions.admin, environment.admin).listen)
    routes = Routes(definitions, environment)
    return effective.Config(
        server=server,
        auth=_auth(definitions, environment),
        admin=admin,
        limits=effective.Limits(
            max_in_flight=definitions.limits.max_in_flight,
            queue=definitions.limits.queue,
            queue_wait=definitions.limits.queue_wait_ms / 1000,
        ),
        timeouts=effective.CallTimeouts(
            default=environment.calls.default_ms / 1000,
            maximum=environment.calls.max_ms / 1000,
            minimum=environment.calls.min_ms / 1000,
            streaming=environment.calls.streaming_ms / 1000,
            credentials=environment.calls.credentials_ms / 1000,
        ),
        egress=egress_of(merge(definitions.egress, environment.egress)),
        drain=_drain(merge(definitions.drain, environment.drain), local=_is_local(server, admin)),
        catalog=effective.Catalog(file=definitions.catalog.file, models=definitions.catalog.models),
        credential_stores={
            store_id: effective.CredentialStore(
                id=store_id,
                type=store.type,
                source=store.source,
                config=store.config,
                cache_ttl=float(store.cache_ttl),
                rotation=store.rotation,
            )
            for _, store_id, store in stores_in(definitions.credential_stores)
        },
        routes=tuple(routes.route(name, entry) for name, entry in definitions.models.items()),
    )


def _server(definitions: schema.Definitions, environment: Environment) -> effective.Server:
    server, http, grpc = listeners(definitions, environment)
    return effective.Server(
        http=http,
        grpc=grpc,
        socket_mode=int(server.socket_mode, 8),
        insecure=bool(server.insecure),
        tls=server.tls,
        allowed_hosts=frozenset(name.lower() for name in server.allowed_hosts),
        max_body=server.max_body_bytes,
        grpc_options=_grpc_options(server.grpc_options),
        log_level=environment.process.log_level,
    )


def _grpc_options(options: GrpcOptions) -> effective.GrpcOptions:
    return effective.GrpcOptions(
        gzip=options.gzip,
        max_message=options.max_message_bytes,
        max_streams=options.max_concurrent_streams,
        keepalive=options.keepalive_ms / 1000,
        keepalive_timeout=options.keepalive_timeout_ms / 1000,
        min_ping_interval=options.min_ping_interval_ms / 1000,
        max_connection_age=options.max_connection_age_ms / 1000,
        max_connection_age_grace=options.max_connection_age_grace_ms / 1000,
    )


def _is_local(server: effective.Server, admin: effective.Admin) -> bool:
    return all(a.is_local for a in (server.http, server.grpc, admin.listen) if a is not None)


def _drain(drain: service.Drain, *, local: bool) -> effective.Drain:
    delay = drain.delay_ms if drain.delay_ms is not None else 0 if local else 5000
    return effective.Drain(delay=delay / 1000, timeout=(drain.timeout_ms or 110_000) / 1000)


def _auth(definitions: schema.Definitions, environment: Environment) -> effective.Auth:
    keys = [
        effective.AuthKey(id=f"{prefix}-{number}", key=key, scopes=scopes)
        for prefix, found, scopes in (
            ("admin", environment.admin_keys, ALL_SCOPES),
            ("api", environment.api_keys, frozenset({INFERENCE})),
        )
        for number, key in enumerate(found, 1)
    ]
    for entry in definitions.auth.keys:
        value = environment.variables.get(entry.key_var or "", "").strip()
        if entry.hash is None and not value:
            continue  # its variable is not set, which check has said
        keys.append(
            effective.AuthKey(
                id=entry.id,
                key=SecretStr(value) if entry.hash is None else None,
                hash=None if entry.hash is None else entry.hash.removeprefix("sha256:").lower(),
                scopes=frozenset(entry.scopes),
                routes=None if entry.routes is None else frozenset(matching(entry.routes, definitions)),
                expires=None if entry.expires is None else entry.expires.timestamp(),
            )
        )
    return effective.Auth(required=definitions.auth.mode == "keys", keys=tuple(keys))
