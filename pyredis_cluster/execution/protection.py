"""Commands that only some clients may run, whatever their user may: DEBUG, MODULE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.protocol.errors import CommandError

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session

_WARNS_EVERY_MS = 60_000


def is_local(session: Session) -> bool:
    """Whether the client is on this machine, as far as its address tells."""
    return session.is_unix_socket or session.address.startswith(("127.", "[::1]:", "::1:"))


def refusal(config: Config, session: Session, command: str) -> CommandError | None:
    """Why `session` may not run the protected command, or None."""
    name = command.partition("|")[0]
    directive = f"enable-{name}-command"
    if config.allows(directive, is_local=is_local(session)):
        return None
    return CommandError(
        f'ERR {name.upper()} command not allowed. If the {directive} option is set to "local", you can '
        "run it from a local connection, otherwise you need to set this option in the configuration file, "
        "and then restart the server."
    )


def warn_of_http(server: ServerState, session: Session) -> None:
    """Log, at most once a minute, that someone speaks HTTP: a browser may be made to attack this port."""
    now_ms = server.keyspace.now_ms
    if now_ms - server.http_warned_ms <= _WARNS_EVERY_MS:
        return
    server.http_warned_ms = now_ms
    server.host.log.warning(
        "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to "
        "Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise "
        f"your Redis instance. Connection from {session.address} aborted."
    )
