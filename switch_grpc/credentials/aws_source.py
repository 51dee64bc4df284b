"""Which AWS credentials a store's configuration means."""

from collections.abc import Mapping
from pathlib import Path

from switch_grpc.config import stores
from switch_grpc.credentials.aws import AssumedRole, EnvKeys, FileKeys, MachineKeys, WebIdentity
from switch_grpc.credentials.sources import EnvSource, Source

_DEFAULT_REGION = "us-east-1"  # for STS only, which answers everywhere


def aws_source(kept_in: str, config: stores.AwsKeys, environ: Mapping[str, str]) -> Source | None:
    """The source of a store of type `aws`; `kept_in` is its `source`. None where that is none of AWS's.

    A role is assumed with what the rest of the configuration gives, but for a web identity, which is for the
    role itself.
    """
    region = config.region or environ.get(config.region_var or "AWS_REGION") or _DEFAULT_REGION
    if kept_in == "env" and config.use_web_identity:
        return WebIdentity(
            environ=environ, region=region, role_arn=config.role_arn, session_name=config.role_session_name
        )
    base = _base(kept_in, config, environ)
    if base is None or config.role_arn is None:
        return base
    return AssumedRole(
        base=base,
        environ=environ,
        region=region,
        role_arn=config.role_arn,
        session_name=config.role_session_name,
        external_id=config.external_id,
    )


def _base(kept_in: str, config: stores.AwsKeys, environ: Mapping[str, str]) -> Source | None:
    match kept_in, config:
        case "file", stores.AwsKeys(path=str(path)):
            return FileKeys(Path(path), config.field)
        case "env", stores.AwsKeys(bedrock_api_key_var=str(variable)):
            return EnvSource(variable, environ)
        case "env", stores.AwsKeys(access_key_id_var=str(id_var), secret_access_key_var=str(key_var)):
            # Temporary keys in AWS's own variables have their token beside them.
            beside = "AWS_SESSION_TOKEN" if id_var == "AWS_ACCESS_KEY_ID" else None
            return EnvKeys(
                access_key_id=id_var,
                secret_access_key=key_var,
                session_token=config.session_token_var or beside,
                environ=environ,
            )
        case "env", stores.AwsKeys(use_instance_profile=True):
            return MachineKeys(environ)
        case _:
            return None
