"""What the benchmarks share.

Its modules, from the command line inwards:

command_line      arguments, one-line errors, progress
workers           one measurement in a fresh process
resident_workers  a process that is prepared once and measured in every round
rounds            the order in which cases are measured
medians           medians, and ratios of measurements of the same round
peak_memory       the largest resident memory of a process
machine           a description of the machine, versions of libraries
results           result files (JSON) and the pages in docs/benchmarks
markdown          tables and lists of the pages
bar_chart         bar charts of the pages
"""
