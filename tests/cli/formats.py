#!/usr/bin/env python3
"""formats.py FORMAT FILE: is the file what that format's readers accept? Knows nothing of memoir's code.

FORMAT is pprof, folded, massif, openmetrics, github or sarif. Exit code 0 when the file is well formed, else 1
after one line that says why not. Of a pprof file the content is printed as text.
"""
import gzip
import json
import re
import sys


class Breach(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Breach(why)


# --- pprof: proto/profile.proto, by hand -------------------------------------------------------------------

def varint(data, at):
    n = shift = 0
    while True:
        need(at < len(data) and shift < 64, "a varint without an end")
        byte = data[at]
        n |= (byte & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return n, at


def fields(data):
    """The fields of a message: {number: [value, ...]}."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        need(key & 7 in (0, 2), f"wire type {key & 7}")
        value, at = varint(data, at)
        if key & 7 == 2:
            need(at + value <= len(data), "a field longer than its message")
            at, value = at + value, data[at:at + value]
        found.setdefault(key >> 3, []).append(value)
    return found


def packed(data):
    numbers, at = [], 0
    while at < len(data):
        n, at = varint(data, at)
        numbers.append(n)
    return numbers


def only(message, known):
    need(set(message) <= set(known), f"fields {set(message) - set(known)} are not in the schema")
    return lambda field: message.get(field, [0])[0]


def pprof(data):
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    profile = fields(data)
    need(set(profile) <= set(range(1, 15)), "unknown fields in the profile")
    strings = [s.decode("utf-8") for s in profile[6]]
    need(strings[0] == "", "string 0 is not empty")
    need(len(set(strings)) == len(strings), "a string stands twice")
    text = strings.__getitem__
    types = [(text(t(1)), text(t(2))) for t in (only(fields(m), (1, 2)) for m in profile[1])]
    need(types == [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"),
                   ("inuse_space", "bytes")], f"sample types {types}")
    one = lambda field: profile.get(field, [0])[0]
    need(text(one(14)) == "inuse_space", "another default sample type")
    period = only(fields(one(11)), (1, 2))
    print(f"period {one(12)} {text(period(1))}/{text(period(2))}, time {one(9)}, duration {one(10)}")
    for comment in packed(one(13)):
        print("comment", text(comment))
    mappings = {}
    for m in (only(fields(m), range(1, 11)) for m in profile.get(3, [])):
        need(m(1) and m(1) not in mappings and m(2) < m(3), "a mapping without id or extent")
        mappings[m(1)] = (m(2), m(3))
        print(f"mapping {m(1)}: {m(2):#x}-{m(3):#x} at {m(4):#x} {text(m(5))} {text(m(6))}", *[m(i) for i in (7, 8, 9, 10)])
    functions = {}
    for f in (only(fields(m), range(1, 6)) for m in profile.get(5, [])):
        need(f(1) and f(1) not in functions, "a function without an id of its own")
        functions[f(1)] = f"{text(f(2))!r} {text(f(4))!r}"
    locations = {}
    for message in (fields(m) for m in profile.get(4, [])):
        l = only(message, range(1, 6))
        need(l(1) and l(1) not in locations, "a location without an id of its own")
        need(not l(2) or mappings[l(2)][0] <= l(3) < mappings[l(2)][1], "an address outside of its mapping")
        lines = [only(fields(m), (1, 2)) for m in message.get(4, [])]
        locations[l(1)] = " < ".join(f"{functions[n(1)]}:{n(2)}" for n in lines) or f"{l(3):#x}"
    for message in (fields(m) for m in profile.get(2, [])):
        only(message, (1, 2, 3))
        values = packed(message[2][0])
        need(len(values) == 4 and any(values), f"values {values}")
        labels = [only(fields(m), range(1, 5)) for m in message.get(3, [])]
        print("sample", *values, *[f"{text(n(1))}={text(n(2)) or str(n(3)) + text(n(4))}" for n in labels])
        for l in packed(message[1][0]):
            print("   ", locations[l])


# --- the text formats ---------------------------------------------------------------------------------------

def folded(data):
    for line in data.decode("utf-8").splitlines():
        need(re.fullmatch(r"[^\s;]+(;[^\s;]+)* [1-9][0-9]*", line), f"no stack and value: {line!r}")


def massif(data):
    lines = data.decode("utf-8").split("\n")
    need(lines.pop() == "", "no newline at the end")
    for key in ("desc: ", "cmd: ", "time_unit: "):
        need(lines.pop(0).startswith(key), f"no {key}")
    number, time, peaks = 0, 0, 0
    while lines:
        head = [lines.pop(0) for _ in range(8)]
        need(head[0] == head[2] == "#-----------" and head[1] == f"snapshot={number}", f"snapshot {number} begins with {head}")
        values = dict(line.split("=") for line in head[3:])
        need(list(values) == ["time", "mem_heap_B", "mem_heap_extra_B", "mem_stacks_B", "heap_tree"], f"keys {list(values)}")
        need(int(values["time"]) >= time, "time goes back")
        time, number = int(values["time"]), number + 1
        need(values["heap_tree"] in ("empty", "peak"), values["heap_tree"])
        if values["heap_tree"] == "peak":
            peaks += 1
            need(massif_node(lines, 0) == int(values["mem_heap_B"]), "the tree and the snapshot differ")
    need(number > 0 and peaks <= 1, f"{number} snapshots, {peaks} peaks")


def massif_node(lines, depth):
    need(lines, "the tree ends early")
    node = re.fullmatch(r"( *)n(\d+): (\d+) (\S.*)", lines.pop(0))
    need(node and len(node[1]) == depth, "a node that is none")
    if depth:
        need(re.match(r"0x[0-9A-F]+: .+ \(.+\)$|in \d+ places?, (all )?below massif's threshold \(\d+\.\d\d%\)$", node[4]), node[4])
    children = sum(massif_node(lines, depth + 1) for _ in range(int(node[2])))
    need(int(node[2]) == 0 or children <= int(node[3]), f"children of more than {node[0]!r}")
    return int(node[3])


NAME = r"[a-z][a-z0-9_]*"
LABELS = r'\{(?:%s="(?:[^"\\\n]|\\["\\n])*",?)+(?<!,)\}' % NAME


def openmetrics(data):
    lines = data.decode("utf-8").split("\n")
    need(lines[-2:] == ["# EOF", ""], "the last line is not # EOF")
    family, kind, stage, families, series = None, None, None, set(), set()
    for line in lines[:-2]:
        meta = re.fullmatch(rf"# (TYPE|UNIT|HELP) ({NAME}) (.+)", line)
        if meta and meta[1] == "TYPE":
            family, kind, stage = meta[2], meta[3], "TYPE"
            need(family not in families, f"{family} twice")
            need(kind in ("counter", "gauge"), f"type {kind}")
            need(family.startswith("memoir_") and not family.endswith("_total"), f"family {family}")
            families.add(family)
            continue
        need(not line.startswith("#") or meta, f"{line!r}")
        if meta:
            need(meta[2] == family and stage != "sample" and stage != meta[1], f"{line!r} out of place")
            need(meta[1] != "UNIT" or family.endswith("_" + meta[3]), f"unit {meta[3]} of {family}")
            need(meta[1] != "HELP" or not re.search(r'\\(?![\\n"])', meta[3]), f"{line!r}")
            stage = meta[1]
            continue
        sample = re.fullmatch(rf"({NAME})({LABELS})? (-?[0-9]+(?:\.[0-9]+)?)", line)
        need(sample, f"no sample: {line!r}")
        need(sample[1] == family + ("_total" if kind == "counter" else ""), f"{sample[1]} in {family}, a {kind}")
        need((sample[1], sample[2]) not in series, f"{line!r} twice")
        series.add((sample[1], sample[2]))
        stage = "sample"


def github(data):
    for line in data.decode("utf-8").split("\n")[:-1]:
        command = re.fullmatch(r"::(error|warning|notice) ([^:]*)::([^\r]+)", line)
        need(command, f"no annotation: {line!r}")
        for pair in command[2].split(","):
            key, equals, value = pair.partition("=")
            need(equals and value and key in ("file", "line", "title"), f"property {pair!r}")
            need(not re.search(r"%(?!25|0D|0A|3A|2C)", value), f"escape in {pair!r}")
        need(not re.search(r"%(?!25|0D|0A)", command[3]), f"escape in {command[3]!r}")


def sarif(data):
    log = json.loads(data)
    need(log["version"] == "2.1.0" and len(log["runs"]) == 1, "version and runs")
    run = log["runs"][0]
    driver = run["tool"]["driver"]
    need(driver["name"] and all(rule["id"] for rule in driver["rules"]), "the driver")
    need(len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"]), "a rule stands twice")
    need(all(type(i["executionSuccessful"]) is bool for i in run["invocations"]), "invocations")
    for result in run["results"]:
        need(set(result) <= {"ruleId", "level", "message", "locations", "stacks", "partialFingerprints", "baselineState",
                             "suppressions", "occurrenceCount", "properties"}, f"keys {set(result)}")
        need(result["ruleId"] and result["message"]["text"] and result["level"] in ("error", "warning", "note"), "a result")
        need(result.get("baselineState", "new") in ("new", "unchanged"), "baselineState")
        need(all(s["kind"] == "external" for s in result.get("suppressions", [])), "suppressions")
        need(result["locations"], "no location")
        for location in result["locations"]:
            sarif_place(location["physicalLocation"])
        for stack in result.get("stacks", []):
            need(stack["frames"], "a stack without frames")
            for frame in stack["frames"]:
                need(frame["location"]["message"]["text"], "a frame without a name")
                if "physicalLocation" in frame["location"]:
                    sarif_place(frame["location"]["physicalLocation"])


def sarif_place(place):
    need(re.fullmatch(r"(file:///)?([A-Za-z0-9._~/-]|%[0-9A-F]{2})+", place["artifactLocation"]["uri"]), f"{place}")
    need("region" not in place or place["region"]["startLine"] >= 1, "a line below 1")


def main():
    formats = {f.__name__: f for f in (pprof, folded, massif, openmetrics, github, sarif)}
    with open(sys.argv[2], "rb") as f:
        data = f.read()
    try:
        formats[sys.argv[1]](data)
    except (Breach, KeyError, IndexError, ValueError, TypeError) as breach:
        print(f"{sys.argv[2]}: {breach!r}")
        return 1
    return 0


sys.exit(main())
