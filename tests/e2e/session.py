"""Runs a console session against a server, and compares what it shows with what the session says.

    session.py SESSION HOST:PORT

In the session a line `$ command` is followed by what it prints; a command goes on behind a `\\` at the end of its line. Each
runs in a bash of its own, with HOST:PORT where the session says `localhost:8080`. Blank lines at the end of an output are of no
account, and a JSON text need not end its line.

A command that ends with `&` stays. What it prints is expected below it, and below later commands behind what they print
themselves, until `$ kill %1` ends it.

What no two runs have in common is masked on both sides: UUIDs, dates, and the first half of the ids of events. Once the
session has shown such an id, later commands name it as this run knows it.
"""

import difflib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from typing import NamedTuple

PLACE = "localhost:8080"
PROMPT = "$ "
SECONDS = 30

RUN_OF_EVENTS = re.compile(r"(?<=\bid: )[0-9a-f]{8}(?=-\d)", re.IGNORECASE)
MASKS = [
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\b"), "<date>"),
    (RUN_OF_EVENTS, "<run>"),
]


class Mismatch(Exception):
    """What the session says is not what happens."""


class Command(NamedTuple):
    line: int
    text: str
    shown: list[str]


def commands(text: str) -> list[Command]:
    """The commands of a session."""
    found: list[Command] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(PROMPT):
            found.append(Command(number, line.removeprefix(PROMPT), []))
        elif not found:
            raise Mismatch(f"line {number}: a session begins with `{PROMPT}`")
        elif not found[-1].shown and found[-1].text.endswith("\\"):
            command = found.pop()
            found.append(command._replace(text=f"{command.text}\n{line}"))
        else:
            found[-1].shown.append(line)
    if not found:
        raise Mismatch("there is nothing in the session")
    return [command._replace(shown=trimmed(command.shown)) for command in found]


def trimmed(lines: Iterable[str]) -> list[str]:
    """The lines, without blank ones at the end."""
    lines = list(lines)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def lines_of(output: str) -> list[str]:
    return trimmed(line.rstrip("\r") for line in output.split("\n"))


def masked(line: str) -> str:
    for mask, name in MASKS:
        line = mask.sub(name, line)
    return line


class Job:
    """A command that stays."""

    def __init__(self, text: str) -> None:
        self._process = subprocess.Popen(
            ["bash", "-c", text],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._more:
                self._lines.append(line.rstrip("\r\n"))
                self._more.notify()

    def says(self, count: int) -> list[str]:
        """Its next lines, so many, of which the first is not blank; fewer if they do not come in time."""

        def are_there() -> bool:
            while self._lines and not self._lines[0]:
                self._lines.pop(0)
            return len(self._lines) >= count

        with self._more:
            self._more.wait_for(are_there, SECONDS)
            said, self._lines = self._lines[:count], self._lines[count:]
            return said

    def end(self) -> list[str]:
        """Ends it; what it has said that nobody has heard yet."""
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # It has ended by itself.
        self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        return trimmed(self._lines)


class Session:
    def __init__(self, place: str) -> None:
        self._place = place
        self._job: Job | None = None
        # What this run calls what the session shows.
        self._names: dict[str, str] = {}

    def run(self, command: Command) -> None:
        self._compare(command, self._output(command))

    def end(self) -> None:
        if self._job:
            self._job.end()
            raise Mismatch("what stays must be ended: `$ kill %1`")

    def close(self) -> None:
        if self._job:
            self._job.end()

    def _output(self, command: Command) -> list[str]:
        text = command.text.replace(PLACE, self._place)
        for shown, name in self._names.items():
            text = text.replace(shown, name)
        if text == "kill %1" and self._job:
            job, self._job = self._job, None
            return job.end()
        if text.endswith("&"):
            if self._job:
                raise Mismatch(f"line {command.line}: one command stays already")
            self._job = Job(text.removesuffix("&"))
            return self._job.says(len(command.shown))
        ran = subprocess.run(
            ["bash", "-c", text],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        output = lines_of(ran.stdout)
        others = len(command.shown) - len(output)
        if self._job and others > 0:
            output += self._job.says(others)
        return output

    def _compare(self, command: Command, output: list[str]) -> None:
        expected, found = ([masked(line) for line in lines] for lines in (command.shown, output))
        if expected != found:
            difference = difflib.unified_diff(expected, found, "the session", "this run", lineterm="")
            raise Mismatch("\n".join([f"line {command.line}: $ {command.text}", *difference]))
        names = (RUN_OF_EVENTS.findall("\n".join(lines)) for lines in (command.shown, output))
        self._names.update(zip(*names, strict=True))


def main(path: str, place: str) -> None:
    with open(path, encoding="utf-8") as file:
        told = commands(file.read())
    session = Session(place)
    try:
        for command in told:
            session.run(command)
        session.end()
    finally:
        session.close()
    print(f"{path}: {len(told)} commands show what they should")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Mismatch as mismatch:
        sys.exit(f"{sys.argv[1]}: {mismatch}")
