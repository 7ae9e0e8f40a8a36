"""The cluster-* directives, from the configuration into what the core reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.cluster.settings import ClusterSettings, EndpointType
from pyredis_cluster.version import version

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config

_INTEGERS = {
    "port": "port",
    "tls-port": "tls_port",
    "cluster-port": "cluster_port",
    "cluster-node-timeout": "node_timeout_ms",
    "cluster-ping-interval": "ping_interval_ms",
    "cluster-migration-barrier": "migration_barrier",
    "cluster-replica-validity-factor": "replica_validity_factor",
    "repl-ping-replica-period": "repl_ping_period_s",
    "cluster-announce-port": "announce_port",
    "cluster-announce-tls-port": "announce_tls_port",
    "cluster-announce-bus-port": "announce_bus_port",
}
_FLAGS = {
    "tls-cluster": "tls_cluster",
    "cluster-require-full-coverage": "require_full_coverage",
    "cluster-allow-reads-when-down": "allow_reads_when_down",
    "cluster-allow-pubsubshard-when-down": "allow_pubsubshard_when_down",
    "cluster-allow-replica-migration": "allow_replica_migration",
    "cluster-replica-no-failover": "replica_no_failover",
}
_TEXTS = {
    "cluster-announce-ip": "announce_ip",
    "cluster-announce-hostname": "announce_hostname",
    "cluster-announce-human-nodename": "announce_human_nodename",
}
_ENDPOINT_TYPE = "cluster-preferred-endpoint-type"
_ANNOUNCE_RULES = "cluster-announce-to-clients"


def cluster_settings(config: Config) -> ClusterSettings:
    """The settings as `config` has them now."""
    settings = ClusterSettings()
    _update(config, settings)
    return settings


def watch_cluster_settings(config: Config, settings: ClusterSettings, changed: Callable[[], None]) -> None:
    """Keep `settings` in step with `config`, calling `changed` after each change."""

    def take_over() -> None:
        _update(config, settings)
        changed()

    for name in (*_INTEGERS, *_FLAGS, *_TEXTS, _ENDPOINT_TYPE, _ANNOUNCE_RULES):
        config.on_change(name, take_over)


def _update(config: Config, settings: ClusterSettings) -> None:
    for name, field in _INTEGERS.items():
        setattr(settings, field, config.integer(name))
    for name, field in _FLAGS.items():
        setattr(settings, field, config.flag(name))
    for name, field in _TEXTS.items():
        setattr(settings, field, config.text(name))
    settings.announce_rules = config.announce_rules
    settings.preferred_endpoint_type = EndpointType(config.text(_ENDPOINT_TYPE))
    settings.sends_extensions = config.version >= version("7.0")
