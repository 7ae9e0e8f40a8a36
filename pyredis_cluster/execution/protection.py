"""Commands that only some clients may run, whatever their user may: DEBUG, MODULE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.protocol.errors import CommandError

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.execution.session import Session


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
        f"run it "
        "from a local connection, otherwise you need to set this option in the configuration file, and then "
        "restart the server."
    )
