"""Credentials: where secrets come from (sources), how long they are kept (store), how they sign (signers)."""
