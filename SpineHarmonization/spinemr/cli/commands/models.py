"""``spinemr models``: which trained models came with this installation, and what their cards say."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from spinemr.cli.consoles import results

if TYPE_CHECKING:
    from spinemr.imaging.model_card import ModelCard

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

app = typer.Typer(
    help="List the trained models that came with this installation, or show one model's card.",
    epilog="Examples: [bold]spinemr models[/bold], [bold]spinemr models list --json[/bold], [bold]spinemr models show NAME[/]",
    invoke_without_command=True,
)


@app.callback()
def models(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the models where no other word is given."""
    if context.invoked_subcommand is None:
        list_models(as_json)


@app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the models: name, task, what they are and their licence."""
    from spinemr.imaging.model_card import shipped_models

    cards = shipped_models()
    if as_json:
        _print_json([card.as_dict() for card in cards])
    elif cards:
        _print_table(cards)
    else:
        typer.echo("No models come with this version.")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model's name, as the list prints it", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Show a model's card: training data, metrics, intended use and limits."""
    from spinemr.imaging.model_card import shipped_model

    card = shipped_model(name)
    if as_json:
        _print_json(card.as_dict())
    else:
        _print_card(card)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _print_table(cards: tuple[ModelCard, ...]) -> None:
    table = Table("name", "task", "title", "licence", box=box.SIMPLE_HEAD, pad_edge=False)
    for card in cards:
        table.add_row(card.name, card.task, card.title, card.licence)
    results().print(table)


def _print_card(card: ModelCard) -> None:
    console = results()
    console.print(f"{card.name}: {card.title}", style="bold")
    rows = {
        "task": card.task,
        "version": card.version,
        "licence": card.licence,
        "intended use": card.intended_use,
        "limits": card.limits,
        "recipe": f"{card.recipe} (commit {card.commit})",
        "trained on": "; ".join(f"{data.name} ({data.licence}, n = {data.n}): {data.citation}" for data in card.training_data),
        "measured": "; ".join(metric.sentence() for metric in card.metrics),
        "files": ", ".join(file.path for file in card.files),
    }
    if card.harmonizer is not None:
        rows["method"] = card.harmonizer.method
        rows["targets"] = ", ".join(f"{one.name} ({one.contrast or 'contrast not stated'})" for one in card.harmonizer.targets)
    if card.remarks:
        rows["remarks"] = " ".join(card.remarks)
    for heading, text in rows.items():
        console.print(f"{heading + ':':14}{text}", soft_wrap=True)
