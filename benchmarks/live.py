"""A camera watched for half an hour over RTSP, which is cut off now and then: memory, time to recover, frames lost.

    python benchmarks/live.py --model ssmtl-demo/model --clip ssmtl-demo/street/test/test_02.mp4 [--minutes 30]

GStreamer's RTSP server (see tests/live/rtsp_server.py for what it needs) plays the clip again and again in real time;
every five minutes it is killed and stays away for ten seconds. Writes benchmarks/results/live.json and .md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine

from ssmtl.atomic import write_json, write_text

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.live.cameras import RtspCamera, free_port, write_ts

RESULTS = Path(__file__).parent / "results"
EVERY_S, AWAY_S, SAMPLE_S = 300.0, 10.0, 15.0


def resident_mb(process: subprocess.Popen) -> float:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def cpu_s(process: subprocess.Popen) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clip, port = write_ts(options.clip, work / "clip.ts"), free_port()
        camera = RtspCamera(clip, port)
        log = (work / "log").open("w")
        command = [sys.executable, "-m", "ssmtl", "watch", f"camera={camera.address}", "--model", options.model]
        process = subprocess.Popen([*command, "--out", work / "watch", "--no-page"], stdout=log, stderr=log)
        health_file = work / "watch" / "live" / "camera.json"

        def health() -> dict:
            return json.loads(health_file.read_text()) if health_file.is_file() else {"state": "", "frames_out": 0}

        while health()["frames_out"] < 100:
            assert process.poll() is None, (work / "log").read_text()
            time.sleep(0.2)
        began = cut = time.monotonic()
        samples, recoveries = [], []
        while time.monotonic() - began < 60 * options.minutes:
            time.sleep(SAMPLE_S)
            now = health()
            samples.append(
                {
                    "minute": (time.monotonic() - began) / 60,
                    "memory_MB": resident_mb(process),
                    "rate_out": now["rate_out"],
                    "delay_s": now["delay_s"],
                    "cpu_s": cpu_s(process),
                }
            )
            print(samples[-1], flush=True)
            if time.monotonic() - cut > EVERY_S:
                camera.kill()
                time.sleep(AWAY_S)
                before = health()["frames_out"]
                camera = RtspCamera(clip, port)
                back = time.monotonic()
                while health()["frames_out"] <= before:
                    time.sleep(0.05)
                recoveries.append(time.monotonic() - back)
                cut = time.monotonic()
        last = health()
        process.terminate()
        stopping = time.monotonic()
        process.wait()
        report = {
            **machine(),
            "minutes": options.minutes,
            "rate": 25,
            "frames_in": last["frames_in"],
            "frames_out": last["frames_out"],
            "dropped": last["dropped"],
            "undecodable": last["undecodable"],
            "reconnects": last["reconnects"],
            "recovered_after_s": recoveries,
            "stopped_after_s": time.monotonic() - stopping,
            "samples": samples,
        }
        camera.kill()
    write_json(RESULTS / "live.json", report)
    write_text(RESULTS / "live.md", table(report))
    print(table(report))


def table(report: dict) -> str:
    samples = report["samples"]
    third = len(samples) // 3
    first, last = samples[1 : 1 + third], samples[-third:]
    busy = (samples[-1]["cpu_s"] - samples[0]["cpu_s"]) / (60 * (samples[-1]["minute"] - samples[0]["minute"]))

    def mean(rows: list, key: str) -> float:
        return sum(row[key] for row in rows) / len(rows)

    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['cores']} cores; {report['minutes']:.0f} "
        f"minutes of a generated street over RTSP at {report['rate']} frames/s. Made by `benchmarks/live.py`.",
        "",
        "| what | |",
        "|---|---|",
        f"| memory, first and last third | {mean(first, 'memory_MB'):.0f} MB, {mean(last, 'memory_MB'):.0f} MB |",
        f"| frames read, scored, left out to keep up, damaged | {report['frames_in']}, {report['frames_out']}, "
        f"{report['dropped']}, {report['undecodable']} |",
        f"| from frame to score | {mean(samples, 'delay_s'):.2f} s |",
        f"| processor | {100 * busy:.0f} % of one core |",
        f"| times cut off, and back again | {len(report['recovered_after_s'])}, {report['reconnects']} |",
        "| from the server's return (10 s after it was killed) to the next score | "
        + ", ".join(f"{s:.1f}" for s in report["recovered_after_s"])
        + " s |",
        f"| SIGTERM to the end | {report['stopped_after_s']:.1f} s |",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
