# SPDX-License-Identifier: Apache-2.0
"""Kills everything at random while batches flow, then checks that nothing is lost, doubled or half-visible.

    .venv/bin/python tests/campaign/run.py [--world embedded|services] [--batches 300] [--workers 4] [--seed N] [--keep]

The seed decides the batches, the victims and the pauses; it is printed, and can be given again. What the machine does in
between is not in its hands, so the same seed gives the same blows but not always at the same instruction.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "support")]

import batches as made  # noqa: E402
import check  # noqa: E402
from home import binary  # noqa: E402

QUIET_DEADLINE_S = 240
# Retries and leases short enough that recovery is seen within the campaign.
SETTINGS = ["-c", "run.lease=5s", "-c", "run.retry_base=200ms", "-c", "run.retry_max=2s", "-c", "run.retries=12",
            "-c", "sensor.poll=500ms", "-c", "sensor.wait_limit=20s", "-c", "log.format=json"]


class Program:
    """A long-running sluice process that can be killed and started again."""

    def __init__(self, world, log: Path, *args: str) -> None:
        self.world, self.log, self.args, self.process = world, log, args, None
        self.exits = []  # codes with which it ended though nobody had asked it to

    def start(self) -> None:
        if self.process is None or self.process.poll() is not None:
            if self.process is not None and self.process.returncode not in (0, -signal.SIGKILL):
                self.exits.append(self.process.returncode)
            with self.log.open("ab") as log:
                self.process = subprocess.Popen([binary(), *SETTINGS, *self.args], cwd=self.world.folder,
                                                env=self.world.home.environment, stdin=subprocess.DEVNULL,
                                                stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def children(self) -> list[int]:
        if not self.process:
            return []
        try:
            return [int(p) for p in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]
        except FileNotFoundError:
            return []

    def stop(self, timeout_s: int = 60) -> int | None:
        """SIGTERM: it drains. Its exit code; None when it had to be killed."""
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return None


class Campaign:
    def __init__(self, world, options) -> None:
        self.world, self.options, self.rng = world, options, random.Random(options.seed)
        self.batches, self.blows = [], {}
        log = world.folder / "sluice.log"
        self.sensor = Program(world, log, "sensor")
        self.workers = Program(world, log, "worker", "--workers", str(options.workers))

    def say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)

    def upload(self, batch: made.Batch) -> None:
        """A service that is down refuses users as well: they try again."""
        steps = list(batch.files.items()) + [(batch.manifest_key, batch.manifest)]
        for key, data in reversed(steps) if batch.late else steps:
            self.world.put(key, data)

    def worker_dies(self) -> bool:
        found = self.workers.children()
        if not found:
            return False
        try:
            os.kill(self.rng.choice(found), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def strike(self) -> None:
        """One blow; what was killed comes back after a moment."""
        services = self.world.services()
        names = ["worker"] * 4 + ["sensor", "supervisor"] + list(services)
        name = self.rng.choice(names)
        pause = self.rng.uniform(0, 1.5)
        if name == "worker":
            if not self.worker_dies():
                return
        elif name in services:
            kill, start = services[name]
            kill()
            time.sleep(pause)
            start()
        else:
            program = self.sensor if name == "sensor" else self.workers
            program.kill()
            time.sleep(pause)
        self.blows[name] = self.blows.get(name, 0) + 1
        self.revive()

    def revive(self) -> None:
        self.sensor.start()
        self.workers.start()

    def storm(self) -> None:
        pending = [made.make(self.rng, n) for n in range(self.options.batches)]
        next_blow = time.monotonic() + 1
        while pending:
            for _ in range(self.rng.randrange(1, 8)):
                if pending:
                    batch = pending.pop()
                    self.upload(batch)
                    self.batches.append(batch)
            time.sleep(self.rng.uniform(0, 2 * 7 / 2 / self.options.rate))
            if time.monotonic() >= next_blow:
                self.strike()
                next_blow = time.monotonic() + self.rng.uniform(0.2, 2 * self.options.pause)
        for _ in range(3):
            time.sleep(self.rng.uniform(0.2, 1))
            self.strike()

    def outstanding(self) -> list[str]:
        keys = self.world.keys(self.world.landing)
        waiting = [k for k in keys if k.startswith("manifests/") and k.endswith(".json")]
        docs = self.world.documents("manifests")
        return waiting + [d["batch_id"] for d in docs if d["status"] in ("pending", "running")]

    def wait_until_quiet(self) -> list[str]:
        deadline = time.monotonic() + QUIET_DEADLINE_S
        left = self.outstanding()
        while left and time.monotonic() < deadline and len(self.sensor.exits + self.workers.exits) < 10:
            time.sleep(0.5)
            self.revive()
            left = self.outstanding()
        return [f"{x} is not done" for x in left]

    def run(self) -> list[str]:
        self.revive()
        self.storm()
        self.say(f"{len(self.batches)} batches uploaded, blows: {self.blows}")
        problems = self.wait_until_quiet()
        for program in (self.sensor, self.workers):
            if program.stop() is None:
                problems.append(f"sluice {program.args[0]} did not drain on SIGTERM")
        self.revive()  # what was left is cleared at a start
        fresh = made.Batch("fresh", "manifests/fresh.json",
                           made.manifest("fresh", ["fresh/last.geojson"], None),
                           {"fresh/last.geojson": made.features(self.rng)}, "good", ["last"])
        self.upload(fresh)
        self.batches.append(fresh)
        time.sleep(1)
        problems += self.wait_until_quiet()
        for program in (self.sensor, self.workers):
            program.stop()
        if not any(d["batch_id"] == "fresh" and d["status"] == "succeeded" for d in self.world.documents("manifests")):
            problems.append("a fresh batch did not succeed afterwards")
        problems += check.problems_of(self.world, self.batches)
        for program in (self.sensor, self.workers):
            problems += [f"sluice {program.args[0]} ended with code {code} by itself" for code in program.exits]
        verified = self.world.home.run("verify", "--deep", check=False)
        if verified.code != 0:
            problems.append(f"sluice verify --deep: {verified.out}{verified.err}")
        return problems

    def end(self) -> None:
        for program in (self.sensor, self.workers):
            program.kill()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", choices=["embedded", "services"], default="services")
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=8, help="batches uploaded a second, about")
    parser.add_argument("--pause", type=float, default=1.5, help="seconds between two blows, about")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--keep", action="store_true", help="leave the folder and say where it is")
    return parser.parse_args()


def main() -> int:
    options = parse()
    began = time.monotonic()
    print(f"campaign: world {options.world}, {options.batches} batches, {options.workers} workers, seed {options.seed}, "
          f"{os.cpu_count()} cores", flush=True)
    if options.world == "embedded":
        from embedded import Embedded as World
    else:
        from on_services import OnServices as World
    world = World()
    campaign = Campaign(world, options)
    try:
        recipes = world.home.path / "recipes"
        recipes.mkdir(exist_ok=True)
        (recipes / "campaign_aside.yaml").write_text(made.ASIDE)
        problems = campaign.run()
        status = {}
        for doc in world.documents("manifests"):
            status[doc["status"]] = status.get(doc["status"], 0) + 1
        print(f"ended after {time.monotonic() - began:.0f} s: {status}, blows {campaign.blows}")
        if problems:
            lines = (world.folder / "sluice.log").read_text(errors="replace").splitlines(keepends=True)
            print("--- last words of programs that ended")
            print("".join([line for line in lines if not line.startswith("{")][-40:]))
            print("--- end of the log")
            print("".join(lines[-40:]))
        for problem in problems[:20]:
            print(f"PROBLEM  {problem}")
        print(f"{len(problems)} problems, seed {options.seed}")
    finally:
        campaign.end()
        world.close(options.keep)
        if options.keep:
            print(f"kept: {world.folder}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
