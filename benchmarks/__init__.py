"""Benchmarks of the four packages against other libraries. Run them from the root of the repository.

    python -m benchmarks.tokenizer --help    encoding, training a vocabulary, start-up
    python -m benchmarks.model --help        training steps, decoding, loss, optimizers, attention
    python -m benchmarks.trainer --help      the training loop, loading batches, checkpoints
    python -m benchmarks.gpu --help          on a GPU: everything that is promised there, in one go of six minutes

The first three have the same structure, read from the command line inwards:

    command.py      parses the command line, measures the sections that were asked for, writes the results
    settings.py     what is measured, and how often
    sections        start worker processes and turn their raw measurements into rows of results
    worker.py       the worker process: reads a request, runs a task, prints its measurements as JSON
    tasks           what is timed, in the worker process (`adapters` in `tokenizer`, one for each library)
    report.py       the Markdown page, from the results alone

`common` contains what they share: processes, interleaving, medians, result files, tables, charts.
"""
