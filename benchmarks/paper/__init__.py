"""The paper's table (arXiv 2510.11062), with what makes it fair beside it: `python -m benchmarks.paper --scale tiny`.

rows.py       which rows there are, and the ordinary commands that make each
work.py       runs commands side by side, each once, and goes on after a kill
results.py    a finished row as a line of rows.jsonl
published.py  what the paper reports
claims.py     what ours shows of what the paper says
page.py       tables and pages; plots.py their pictures
"""
