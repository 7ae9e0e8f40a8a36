"""What all commands of `pyredis-cluster cluster` share: the group, common options, how they run and end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from pyredis_cluster.cli.main import INTERRUPTED

if TYPE_CHECKING:
    from pyredis_cluster.admin.environment import Environment
    from pyredis_cluster.admin.link import Credentials
    from pyredis_cluster.admin.outcome import Outcome

PASSWORD_VARIABLE = "REDISCLI_AUTH"
_INTERRUPTED_TEXT = (
    "Interrupted. What is done stays done; a slot that was just being moved may be open, which fix mends."
)


@click.group()
def cluster() -> None:
    """Create and look after a cluster of any Redis nodes, as redis-cli --cluster does."""


@dataclass(frozen=True, slots=True)
class Common:
    """Options of all commands."""

    user: str | None
    password: str | None
    asks_password: bool
    as_json: bool

    @property
    def credentials(self) -> Credentials:
        """Who to be at the nodes; asks for the password if so told."""
        from pyredis_cluster.admin.link import Credentials

        return Credentials(self.user, ask_password() if self.asks_password else self.password)


def command(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with the options that all have, which it gets as `common`."""

    def wrap(function: Callable[..., Any]) -> click.Command:
        def run(user: str | None, password: str | None, askpass: bool, as_json: bool, **rest: Any) -> int:
            return int(function(common=Common(user, password, askpass, as_json), **rest))

        run.__doc__ = function.__doc__
        run.__dict__.update(function.__dict__)
        wrapped: Callable[..., Any] = run
        takes_yes = any(each.name == "cluster_yes" for each in function.__dict__["__click_params__"])
        for option in reversed((*_COMMON, *_TLS, *(() if takes_yes else (_IGNORED_YES,)))):
            wrapped = option(wrapped)
        return cluster.command(name, **attributes)(wrapped)

    return wrap


password_option = click.option(
    "-a",
    "--pass",
    "password",
    envvar=PASSWORD_VARIABLE,
    metavar="PASSWORD",
    help=f"Password of the nodes; better in the environment variable {PASSWORD_VARIABLE}.",
)
user_option = click.option(
    "--user", metavar="NAME", help="Log in to the nodes under this name; needs a password."
)
askpass_option = click.option("--askpass", is_flag=True, help="Ask for the password.")

_COMMON = (
    password_option,
    user_option,
    askpass_option,
    click.option(
        "--no-auth-warning", is_flag=True, expose_value=False, help="Accepted; there is no such warning."
    ),
    click.option(
        "--json", "as_json", is_flag=True, help="Print the result as JSON; all texts go to standard error."
    ),
)

_IGNORED_YES = click.option("--cluster-yes", is_flag=True, hidden=True, expose_value=False)
"""For commands that ask nothing, or ask what `--cluster-yes` does not answer: redis-cli takes it for all."""


def _refuse_tls(context: click.Context, option: click.Parameter, value: object) -> None:
    if value:
        raise click.UsageError(f"TLS is not supported ({option.opts[0]}).", context)


_TLS = tuple(
    click.option(name, is_flag=is_flag, hidden=True, expose_value=False, callback=_refuse_tls)
    for name, is_flag in (
        ("--tls", True),
        ("--insecure", True),
        ("--cacert", False),
        ("--cacertdir", False),
        ("--cert", False),
        ("--key", False),
        ("--sni", False),
        ("--tls-ciphers", False),
        ("--tls-ciphersuites", False),
    )
)


def run_work(common: Common, work: Callable[[Environment], Outcome]) -> int:
    """Do it, and say how it ended; the exit code, 0 where all is well."""
    import time
    from random import Random

    from pyredis_cluster.admin.environment import Environment
    from pyredis_cluster.admin.errors import AdminError, DeclinedError, UnreachableError, UsageError
    from pyredis_cluster.admin.link import NodeLink
    from pyredis_cluster.admin.outcome import Outcome
    from pyredis_cluster.cli.terminal import Terminal

    console = Terminal(is_quiet=common.as_json)
    failure = ""
    code = 1
    try:
        environment = Environment(console, NodeLink, time.sleep, Random(), common.credentials)
        outcome = work(environment)
        code = 0 if outcome.ok else 1
    except DeclinedError:
        outcome = Outcome(ok=False)
    except KeyboardInterrupt:
        outcome = Outcome(ok=False)
        failure = _INTERRUPTED_TEXT
        code = INTERRUPTED
        console.complain(f"\n{failure}")
    except AdminError as error:
        outcome = Outcome(ok=False)
        failure = str(error)
        (console.complain if isinstance(error, (UsageError, UnreachableError)) else console.error)(failure)
    if common.as_json:
        error_field = {"error": failure.strip()} if failure else {}
        click.echo(json.dumps({"ok": outcome.ok, **error_field, **outcome.details}, indent=2))
    return code


def ask_password() -> str:
    """A password that is typed and not shown."""
    password: str = click.prompt("Please input password", hide_input=True, err=True)
    return password
