"""A text that a person and a model write in turn, at the terminal.

The models here continue texts; they have not learned to answer. So what is typed is appended to the document as it is,
without a space or a line end, and the model continues the whole.
"""

import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from generated_text import Throughput, note
from nn import DecodingMode, SamplingConfig, context_window
from prompts import continuing_ids, document_ids

if TYPE_CHECKING:
    from speaker import Speaker, SpokenToken

HELP = """\
What you type is appended to the text as it is, and the model continues it; begin with a space where one is needed.
Enter alone lets the model continue. A line that ends with \\ continues on the next one, after a line end.

  Ctrl-C          stop the text
  /new            begin a new document
  /undo           remove what was typed last, and its continuation
  /seed N         draw with another seed, from its beginning
  /temperature X  0: always the most probable token
  /help           this list
  /quit, Ctrl-D   end"""
Number = TypeVar("Number", int, float)


@dataclass
class Conversation:
    """A document that grows in turns."""

    speaker: "Speaker"
    sampling: SamplingConfig
    seed: int
    max_new_tokens: int
    """The most new tokens in a turn."""
    stop_tokens: Collection[int] = ()
    compile: DecodingMode | Literal["auto"] = "auto"
    ids: list[int] = field(default_factory=list)
    """The document."""
    drawn: int = 0
    """How many numbers of the seed are used: a text that is stopped continues as if it had not been."""
    turns: list[int] = field(default_factory=list)
    """The length of the document before each turn."""
    ended: bool = False
    """Whether the model has ended the document."""

    @property
    def unseen(self) -> int:
        """How many tokens at the beginning of the document the model does not see any more."""
        return len(self.ids) - len(context_window(self.ids, self.speaker.model.config.context_length))

    def take_turn(self, typed: str, throughput: Throughput) -> "Iterator[SpokenToken]":
        """Append a text to the document and return its continuation, which is appended as far as it is read.

        Raises:
            ValueError: the text cannot be encoded or continued; the document stays as it was.
        """
        speaker = self.speaker
        tokenizer = speaker.tokenizer
        ids = continuing_ids(tokenizer, typed) if self.ids else document_ids(tokenizer, typed, speaker.text)
        steps = speaker.stream(
            [context_window([*self.ids, *ids], speaker.model.config.context_length)],
            self.max_new_tokens,
            self.sampling,
            [self.seed],
            stop_tokens=self.stop_tokens,
            drawn_before=[self.drawn],
            compile=self.compile,
        )
        self.turns.append(len(self.ids))
        self.ids += ids
        self.ended = False
        return self._append(throughput.watch(steps))

    def _append(self, steps: "Iterator[list[SpokenToken | None]]") -> "Iterator[SpokenToken]":
        count = 0
        for (spoken,) in steps:
            if spoken is not None:
                count += 1
                self.ids.append(spoken.token.id)
                self.drawn += 1
                yield spoken
        if count < self.max_new_tokens:  # a stop token was drawn too
            self.drawn += 1
            self.ended = True

    def undo(self) -> bool:
        """Remove the last turn; return whether there was one. Its numbers stay used, so the next text is another."""
        if not self.turns:
            return False
        del self.ids[self.turns.pop() :]
        return True

    def begin_document(self) -> None:
        """Forget the document."""
        self.ids, self.turns, self.ended = [], [], False

    def use_seed(self, seed: int) -> None:
        """Draw with another seed, from its beginning.

        Raises:
            ValueError: it is out of range.
        """
        if not 0 <= seed < 2**63:
            raise ValueError(f"the seed is {seed}: give 0 or more, below 2**63")
        self.seed, self.drawn = seed, 0


class StopsOnCtrlC:
    """In this block Ctrl-C sets `pressed`, so that the program can end what it does; pressed again, it ends it."""

    pressed = False

    def __enter__(self) -> "StopsOnCtrlC":
        """Take over Ctrl-C."""
        self._previous = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        """Give Ctrl-C back."""
        signal.signal(signal.SIGINT, self._previous)

    def _press(self, *_: object) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


def converse(conversation: Conversation, opening: str | None = None, *, show_throughput: bool = False) -> None:
    """Talk until the user ends it. Text goes to standard output, everything else to standard error.

    Args:
        conversation: the document so far.
        opening: what is typed first; asked for if not given.
        show_throughput: print tokens per second after each turn.
    """
    with suppress(ImportError):  # not on Windows
        import readline  # noqa: F401  # gives `input` a history and keys for editing

    note("The model continues what you type. /help lists the commands; /quit or Ctrl-D ends.")
    if opening is not None:
        print(opening, end="", flush=True)
        _speak(conversation, opening, show_throughput=show_throughput)
    while True:
        try:
            typed = _read()
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            note("\n(/quit or Ctrl-D ends)")
            continue
        try:
            if not typed.startswith("/"):
                _speak(conversation, typed, show_throughput=show_throughput)
            elif not _obey(conversation, typed):
                return
        except ValueError as error:
            note(f"error: {error}")


def _read() -> str:
    typed = input("> ")
    while typed.endswith("\\"):
        typed = f"{typed[:-1]}\n{input('. ')}"
    return typed


def _speak(conversation: Conversation, typed: str, *, show_throughput: bool) -> None:
    unseen, throughput = conversation.unseen, Throughput()
    begun = bool(conversation.ids or typed)
    with StopsOnCtrlC() as ctrl_c:
        for spoken in conversation.take_turn(typed, throughput):
            # A new document begins with the line end after the separator.
            text = spoken.text if begun else spoken.text.lstrip()
            begun = begun or bool(text)
            print(text, end="", flush=True)
            if ctrl_c.pressed:
                break
    print(flush=True)
    if ctrl_c.pressed:
        note("(stopped: Enter continues)")
    elif conversation.ended:
        note("(the document has ended: /new begins another one)")
    if conversation.unseen > unseen:
        context = conversation.speaker.model.config.context_length
        note(
            f"(the text is longer than the model's context of {context} tokens: it no longer sees the first "
            f"{conversation.unseen})"
        )
    if show_throughput:
        note(f"({throughput})")


def _obey(conversation: Conversation, command: str) -> bool:
    """Do what a command says; return whether the conversation continues.

    Raises:
        ValueError: there is no such command, or its value is not allowed.
    """
    match command.split():
        case ["/help"]:
            note(HELP)
        case ["/quit"]:
            return False
        case ["/new"]:
            conversation.begin_document()
            note("(a new document)")
        case ["/undo"]:
            note(_end_of(conversation) if conversation.undo() else "(there is nothing to remove)")
        case ["/seed", value]:
            conversation.use_seed(_number(value, int, "a whole number"))
            note(f"(seed {conversation.seed})")
        case ["/temperature", value]:
            conversation.sampling = replace(conversation.sampling, temperature=_number(value, float, "a number"))
            note(f"(temperature {conversation.sampling.temperature:g})")
        case _:
            raise ValueError(f"{command} is not a command: /help lists them; begin with a space if it is text")
    return True


def _number(value: str, convert: Callable[[str], Number], expected: str) -> Number:
    try:
        return convert(value)
    except ValueError:
        raise ValueError(f"{value!r} is not {expected}") from None


def _end_of(conversation: Conversation) -> str:
    text = conversation.speaker.tokenizer.decode(conversation.ids, skip_special_tokens=True)
    if not text:
        return "(the document is empty)"
    return f"(it now ends with {text[-60:]!r})"
