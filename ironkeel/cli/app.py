"""`ironkeel`: one command for everything an operator does. Exit 0 success, 1 the system said no, 2 wrong usage."""

import typer

from ironkeel.cli.backup import backup
from ironkeel.cli.command import ToolGroup
from ironkeel.cli.config import config
from ironkeel.cli.data import data
from ironkeel.cli.doctor import doctor
from ironkeel.cli.logs import logs
from ironkeel.cli.paper import paper
from ironkeel.cli.postmortem import postmortem
from ironkeel.cli.recovery import recovery
from ironkeel.cli.status import positions, status
from ironkeel.cli.switch import close, detach, flatten, halt, pause, resume
from ironkeel.cli.train import train
from ironkeel.cli.up import up
from ironkeel.cli.version import version

app = typer.Typer(
    name="ironkeel",
    help="A trading system for USDT perpetual futures that rights itself after any crash.",
    cls=ToolGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
WATCH = (up, status, positions, logs)
SWITCH = (pause, resume, halt, flatten, detach, close)
KNOW = (config, doctor, train, version)
for command in (*WATCH, *SWITCH, *KNOW):
    app.command()(command)
for group in (recovery, backup, postmortem, paper, data):
    app.add_typer(group)


def main() -> None:
    app()
