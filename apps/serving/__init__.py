"""A local server for trained models: a page to try them on, and OpenAI's completions for other tools.

catalog             which runs and checkpoints there are
request             what a client asks for, and the limits on it
completion_request  a request read from the JSON that a client sends
generation          a request on its way through the engine, and what comes back
engine              one thread that owns the models and generates for all requests at once
batch               the texts of one model that are generated together
models              models loaded on first use
completion_text     tokens to text: stop strings
completions         answers in OpenAI's form, whole and streamed
guard               refuses other origins; headers of every answer
application         which address is answered by what

Only `engine`, `batch` and `models` load torch, when they are first used.
"""
