#!/usr/bin/env python3
"""validate.py SCHEMA FILE...: checks reports against the schema and their sums against each other.

Knows the keywords of JSON Schema that schema.json uses, and refuses a schema with others, so that
no rule is passed over in silence. Exit code 0 when all hold, else 1 after one line per breach.
"""
import json
import re
import sys

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
KNOWN = {"$schema", "title", "description", "type", "required", "additionalProperties", "properties", "items", "enum", "const",
         "pattern", "minimum", "oneOf", "$ref", "$defs"}
CLASSES = ("definitely_lost", "indirectly_lost", "possibly_lost", "still_reachable")
definitions = {}


def breaches(schema, value, at="report"):
    assert set(schema) <= KNOWN, f"unknown keywords in the schema: {set(schema) - KNOWN}"
    if "$ref" in schema:
        yield from breaches(definitions[schema["$ref"].removeprefix("#/$defs/")], value, at)
    if "oneOf" in schema:
        fitting = [s for s in schema["oneOf"] if not list(breaches(s, value, at))]
        if len(fitting) != 1:
            yield f"{at}: fits {len(fitting)} of the alternatives"
    if "type" in schema and (not isinstance(value, TYPES[schema["type"]])
                             or isinstance(value, bool) != (schema["type"] == "boolean")):
        yield f"{at}: {value!r} is not of type {schema['type']}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {value!r} does not match {schema['pattern']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{at}: {value} is below {schema['minimum']}"
    if isinstance(value, dict):
        yield from member_breaches(schema, value, at)
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from breaches(schema.get("items", {}), item, f"{at}[{i}]")


def member_breaches(schema, value, at):
    for key in schema.get("required", []):
        if key not in value:
            yield f"{at}: no {key}"
    more = schema.get("additionalProperties", {})
    for key, member in value.items():
        rule = schema.get("properties", {}).get(key, more)
        if rule is False:
            yield f"{at}: {key} is not in the schema"
        else:
            yield from breaches(rule, member, f"{at}.{key}")


def sum_breaches(report):
    totals, classes = report["totals"], report["size_classes"]
    for minuend, subtrahend, rest in (("allocations", "frees", "in_use_blocks"),
                                      ("allocated_bytes", "freed_bytes", "in_use_bytes")):
        if totals[minuend] - totals[subtrahend] != totals[rest]:
            yield f"{minuend} - {subtrahend} is not {rest}"
    for key in ("allocations", "frees", "in_use_blocks") if classes else ():
        if sum(c[key] for c in classes) != totals[key]:
            yield f"the size classes' {key} make {sum(c[key] for c in classes)}, the total says {totals[key]}"
    if report["leaks"]["in_use"] != {"bytes": totals["in_use_bytes"], "blocks": totals["in_use_blocks"]}:
        yield "leaks.in_use differs from the totals"
    yield from site_breaches(report)


def site_breaches(report):
    """What is listed is part of what is summed up, class by class. (--top and filters may leave sites out.)"""
    leaks = report["leaks"]
    for kind, key in [(c, c) for c in CLASSES] + [("in_use", "unclassified")]:
        for unit in ("bytes", "blocks"):
            listed = sum(s[unit] for s in report["sites"] if s["kind"] == kind and "suppressed_by" not in s)
            if listed > leaks[key][unit]:
                yield f"sites that are {kind} have {listed} {unit}, the sum says {leaks[key][unit]}"
    if not leaks["checked"] and any(leaks[c]["blocks"] for c in CLASSES):
        yield "blocks are classified, though no check was made"
    if any(s["kind"] != "gone" or s["blocks"] for s in report["freed_sites"]):
        yield "freed_sites has a site with blocks in use"
    if any(a["ms"] > b["ms"] for a, b in zip(report["timeline"], report["timeline"][1:])):
        yield "the timeline does not go forward"


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key stands twice among {keys}"
    return dict(pairs)


def main():
    with open(sys.argv[1]) as f:
        schema = json.load(f)
    definitions.update(schema.get("$defs", {}))
    failed = False
    for name in sys.argv[2:]:
        with open(name) as f:
            report = json.load(f, object_pairs_hook=no_duplicates)
        found = list(breaches(schema, report))
        for line in found or sum_breaches(report):
            print(f"{name}: {line}")
            failed = True
    return failed


sys.exit(main())
