"""Options that several commands share."""

from typing import Annotated, Literal

from cyclopts import Parameter

FormatOption = Annotated[Literal["table", "json"], Parameter(name="--format", help="Form of what is printed.")]
