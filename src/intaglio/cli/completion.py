"""`intaglio completion`: scripts that let a shell complete commands and options."""

import sys
from typing import Literal

from cyclopts import App


def register(app: App) -> None:
    """Add the command, which writes about all of `app`."""

    @app.command
    def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
        """Print the completion script for a shell.

        For example:

            intaglio completion bash > ~/.local/share/bash-completion/completions/intaglio

            intaglio completion fish > ~/.config/fish/completions/intaglio.fish

        Parameters
        ----------
        shell
            bash, zsh or fish.
        """
        sys.stdout.write(app.generate_completion(shell=shell) + "\n")
