"""`ssmtl watch`."""

import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ssmtl.cli import configuring, options, serve
from ssmtl.config import merge, read_assignments


def watch(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Cameras (rtsp://user:password@host/path, http://..., 0 for a webcam) or files; NAME=SOURCE names it.",
        ),
    ],
    model: Annotated[Path, typer.Option("--model", help="The model's folder.")] = Path("model"),
    out: Annotated[
        Path, typer.Option("--out", help="Folder for events, pictures and films; it may hold earlier ones.")
    ] = Path("watch"),
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            help="Also tell events to: a .jsonl file, http(s)://... (webhook), mqtt(s)://user:password@host/topic.",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", help="Database in place of OUT/events.sqlite: postgresql://user:password@host/name."),
    ] = None,
    threshold: options.Threshold = None,
    every: options.Every = None,
    assignments: configuring.LaterAssignments = None,
    films: Annotated[bool, typer.Option("--films/--no-films", help="A film of each event.")] = True,
    keep_days: Annotated[
        float, typer.Option("--keep-days", min=0, help="What is older is deleted; 0 = nothing is.")
    ] = 30,
    media_gb: Annotated[
        float,
        typer.Option("--media-gb", min=0, help="Space for pictures and films; the oldest films go first; 0 = any."),
    ] = 10,
    machine: Annotated[
        str, typer.Option("--machine", help="Name of this machine where several share a database.")
    ] = "",
    page: Annotated[bool, typer.Option("--page/--no-page", help="Serve the web page too.")] = True,
    port: serve.Port = 8080,
    host: serve.Host = "127.0.0.1",
    token: serve.Token = None,
) -> None:
    """Watch cameras: tell what is unusual, keep it, and show it on a web page; Ctrl-C ends it."""
    from ssmtl.live.dispatcher import Dispatcher
    from ssmtl.live.sinks import open_sink
    from ssmtl.live.sources import read_watched
    from ssmtl.live.store import open_store
    from ssmtl.live.watching import Watch, WatchOptions, failures
    from ssmtl.model import with_settings
    from ssmtl.model_folder import load_model

    watched = read_watched(sources)
    sinks = [open_sink(text) for text in to or []]
    used = load_model(model)
    changes = merge(options.every_change(every), read_assignments(assignments or []))
    if threshold is not None:
        changes = merge(changes, {"events": {"threshold": threshold}})
    if changes:
        used = with_settings(used, changes)

    def say(line: str) -> None:
        # Where nobody can be told (a log on a full disk), watching goes on.
        with suppress(OSError):
            options.console.print(line, highlight=False, markup=False, soft_wrap=True)

    out.mkdir(parents=True, exist_ok=True)
    database = open_store(out, store)
    say("choosing an engine (measured once for a model on a machine)")
    value, said_by = used.threshold()
    say(f"network: {used.engine_choice.kind} in {used.engine_choice.precision}; threshold {value:.3g} ({said_by})")
    dispatcher = Dispatcher(sinks, say)
    keeping = WatchOptions(machine, films, keep_days or None, media_gb or None)
    running = Watch(watched, used, out, database, dispatcher, keeping, say)
    server = serve.start(out, database, host, port, token) if page else None
    if server is not None:
        say(f"page: {server.address}")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: running.stop())
    try:
        running.run()
    finally:
        if server is not None:
            server.stop()
        database.close()
    failed = failures(running)
    if failed:
        raise typer.Exit(1 if len(failed) == len(watched) else options.SOME_FAILED)
