"""What things cost: figures with the machine that they were taken on, or ratios within one run.

`python -m benchmarks` runs all; `python -m benchmarks.bench_scale --patients 1000 10000` one.
"""
