# SPDX-License-Identifier: GPL-2.0-or-later
"""Several processes in one report: those of one service together, those that ended apart."""
import tempfile

from harness import TARGETS, Outlive, Target, check, consistent, equal, lossless, parse, process_of, run, total

WORKERS = 4
OPERATIONS = 2003


def test_workers_of_one_service():
    """Four of one program and one of another; one of the four ends while it is traced."""
    targets = [Target("exact", 2, OPERATIONS + i) for i in range(WORKERS)] + [Target("frames", 7)]
    pids = [target.pid for target in targets]
    with tempfile.NamedTemporaryFile(suffix=".outlive") as file:
        with Outlive("threads", "-p", ",".join(map(str, pids)), "--json", "--record", file.name) as outlive:
            truths = [target.go() for target in targets]
            targets[0].finish()
            report = outlive.stop()
        lossless(report)
        for target, truth in zip(targets[:WORKERS], truths):
            process = process_of(report, target.pid)
            consistent(process)
            equal(process["state"], "exited" if target is targets[0] else "running", "state")
            equal(process["exit_ns"] is not None, target is targets[0], "has it an end")
        groups = {group["comm"]: group for group in report["groups"]}
        equal(sorted(groups), ["exact", "frames"], "groups")
        group = groups["exact"]
        running = [process_of(report, pid) for pid in pids[1:WORKERS]]
        equal((group["running"], group["exited"]), (WORKERS - 1, 1), "processes of the group")
        equal(sorted(group["pids"]), sorted(pids[:WORKERS]), "pids of the group")
        equal(group["live_bytes"], total(running, "live_bytes"), "live bytes of the group")
        equal(group["live_blocks"], total(running, "live_blocks"), "live blocks of the group")
        equal(group["exited_live_bytes"], process_of(report, pids[0])["live_bytes"], "what the other held")
        equal(total(group["sites"], "live_bytes"), group["live_bytes"], "live bytes of the group's sites")
        equal(max(site["holding_processes"] for site in group["sites"]), WORKERS - 1, "processes of a site")
        for site in group["sites"]:
            for part in site["processes"]:
                own = {row["id"]: row for row in process_of(report, part["pid"])["sites"]}[part["site"]]
                equal(part["live_bytes"], own["live_bytes"], "a process's part of a site")
                equal([frame["symbol"] for frame in own["frames"]],
                      [frame["symbol"] for frame in site["frames"]], "frames of a part")
        equal(groups["frames"]["sites"], [], "sites of a group of one")
        status, text, errors = run("threads", "--json", file.name)
        equal((status, errors), (0, []), "replay")
        replayed = parse(text)
        equal(replayed["groups"], report["groups"], "groups of the replay")
        equal(replayed["processes"], report["processes"], "processes of the replay")
        status, text, errors = run("threads", file.name)
        check("\nexact × 3, 1 ended" in text, f"no line of the group: {text[:900]}")
        check("── exact, 3 processes ─" in text and "1 other ended" in text, f"text: {text[:2000]}")
        status, text, errors = run("top", "--once", file.name)
        equal(status, 0, f"exit status of top (stderr {errors})")
        check("5 processes · 1 ended" in text, f"top: {text[:300]}")
        rows = [line.split()[:2] for line in text.splitlines() if line.startswith(("exact", "frames"))]
        equal(rows[-1][:2], ["exact", "(exited)"], "the last row of top")
        equal(len(rows), WORKERS + 1, "rows of top")
        status, text, errors = run("report", "--each", file.name)
        check(f"── exact ({pids[1]}) ─" in text, f"--each: {text[:900]}")
    for target in targets[1:]:
        target.finish()
