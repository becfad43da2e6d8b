"""The JSON of pytest-benchmark as a Markdown table: python tests/benchmarks/table.py bench.json > bench.md"""

import json
import platform
import sys


def table(report):
    """A row a benchmark: median time, and that time over (its operations / the rate of the product in the same run)."""
    rows = [(b["extra_info"], b["stats"]["median"]) for b in report["benchmarks"]]
    rate = {info["row"]: info["flop"] / seconds for info, seconds in rows if info["row"].startswith("product")}
    product = next((value for name, value in rate.items() if "float32" in name), None)
    cpu = report.get("machine_info", {}).get("cpu", {})
    device, cores = rows[0][0]["device"], cpu.get("count", "?")
    lines = [
        f"{device}; {cpu.get('brand_raw', platform.processor())}, {cores} cores; medians.",
        "",
        "| | median | GFLOP | GFLOP/s | multiple of the product's time |",
        "| --- | --- | --- | --- | --- |",
    ]
    for info, seconds in rows:
        flop = info["flop"]
        speed = f"{flop / 1e9:.1f} | {flop / seconds / 1e9:.0f}" if flop else "- | -"
        multiple = f"{seconds * product / flop:.2f}" if flop and product else "-"
        if requests := info.get("requests"):
            speed = f"- | {requests / seconds:,.0f} texts a second"
        if steps := info.get("steps"):
            speed = f"- | {steps / seconds:,.0f} steps a second"
        lines.append(f"| {info['row']} | {_time(seconds)} | {speed} | {multiple} |")
    return "\n".join(lines)


def _time(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print(table(json.load(file)))
