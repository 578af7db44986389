"""The crash matrix: whatever kills an executor, wherever, the exchange's own books show that nothing was lost.

`cell.py` is what one run is, derived from a seed. `crew.py` forks workers from a warm parent; each has a `world.py`
(paper exchange and Redis) that is reset for every run, and a nursery (`executor_process.py`) that forks executors.
`story.py` is what happens in a run, `faults.py` what goes wrong in it, `household.py` who watches over the executors,
`oracle.py` the verdict, `journal.py` what is known of earlier runs, and `__main__.py` the command.

A safety measure is switched off by name: `mutations.MUTATIONS[name]()` is called in every forked executor of a cell
whose `mutation` is that name (`python -m tests.chaos.matrix --mutation NAME --runs N`), after the fork and before
anything runs; `run.run(cell, …)` returns a `Result` whose `findings.violations` tells what the oracle saw.
"""
