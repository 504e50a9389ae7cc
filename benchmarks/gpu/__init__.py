"""Whether ours is fast and exact on this GPU: every figure that is promised, in one go of a few minutes.

    python -m benchmarks.gpu --out results          on a machine with a GPU
    python -m benchmarks.gpu --tiny --device cpu    tiny models, to try the script itself without one

It runs from the source: besides torch it needs numpy, einx, safetensors, jaxtyping, regex, rich, lazy_loader and yaml;
transformers and pytest for the parts that use them; and no network.

    command.py    parses the command line, runs the parts, writes and prints the results
    schedule.py   runs each part in a process of its own, within its time limit and the time that is left
    worker.py     the process of a part: prints its rows as JSON, one line for each, as soon as it has them
    request.py    what a part is asked to measure
    parts         the parts, one module each, and their order
    alternation.py  measures several cases in one process, in turns
    token_text.py   the text that runs are trained on
    bars.py       what is promised: figures and their limits
    report.py     the summary and the Markdown page
"""
