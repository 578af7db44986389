"""What the benchmarks of the paper exchange share: a real process, cheap clients, floors and the machine's noise."""
