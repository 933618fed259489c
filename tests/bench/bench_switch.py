# SPDX-License-Identifier: MIT
"""switch: from one task's yield to the next one's, beside Boost.Context, State Threads and GNU Pth."""

# A wide spread beside Boost.Context is no noise. It changes stacks by an indirect jump, we by a return. Some
# processors predict no indirect jumps while the other thread of their core idles in a kernel with IBRS on,
# and then its switch takes twice the time.

from __future__ import annotations

from contest import BUILD, Effort, Entry, Figure, print_table, race, ratios

OURS = "libasyncrt"
BOOST = "Boost.Context, the same scheduling"
ST = "State Threads, ring of conditions"
PTH = "GNU Pth, pth_yield"


def entries(tasks: int) -> list[Entry]:
    return [
        Entry(OURS, [BUILD / "switch_asyncrt", tasks]),
        Entry(BOOST, [BUILD / "switch_boost", tasks]),
        Entry(ST, [BUILD / "switch_st", tasks, "cond"]),
        Entry("State Threads, st_usleep(0)", [BUILD / "switch_st", tasks, "sleep"]),
        Entry(PTH, [BUILD / "switch_pth", tasks]),
        # What is switched on at run time, and what it costs.
        *(
            Entry(f"libasyncrt, {what}", [BUILD / "switch_asyncrt", tasks], environment={name: "1"})
            for what, name in (("times counted", "ASYNCRT_TIMES"), ("debug mode", "ASYNCRT_DEBUG"))
        ),
    ]


def measure(effort: Effort) -> list[Figure]:
    figures = []
    for tasks in (2, 1000):
        costs = race(entries(tasks), effort, step=tasks)
        print_table(f"switch: {tasks} tasks that do nothing but yield", costs)
        for name, title, goal in (("boost", BOOST, 1.25), ("st", ST, 1), ("pth", PTH, 1)):
            ratio = ratios(costs[OURS], costs[title]).median
            figures.append(Figure(f"switch-{name}-{tasks}", ratio, goal))
    return figures
