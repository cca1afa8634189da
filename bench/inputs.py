"""The input files of the real programs, generated: the same bytes on every machine for the same scale."""

import os
import random
import subprocess

SQLITE = """
PRAGMA cache_size = -200000;
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, town TEXT, note TEXT);
CREATE TABLE trade(id INTEGER PRIMARY KEY, buyer INT, seller INT, amount REAL, what TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
  INSERT INTO person
  SELECT i, 'name' || (i * 7919 % {rows}), 'town' || (i * 31 % 997), printf('%0*d', i % 90 + 5, i) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows} * 2)
  INSERT INTO trade
  SELECT i, i * 7919 % {rows} + 1, i * 104729 % {rows} + 1, i % 1009, 'thing' || (i % 5003) FROM n;
CREATE INDEX person_town ON person(town, name);
CREATE INDEX trade_what ON trade(what);
SELECT town, count(*), sum(amount), group_concat(DISTINCT substr(what, 1, 7))
  FROM person JOIN trade ON buyer = person.id GROUP BY town ORDER BY 3 DESC LIMIT 20;
SELECT count(*), max(length(upper(name) || '-' || replace(note, '0', 'zero'))) FROM person;
SELECT what, count(DISTINCT seller) FROM trade GROUP BY what ORDER BY 2 DESC, 1 LIMIT 5;
UPDATE person SET note = note || town WHERE id % 3 = 0;
DELETE FROM trade WHERE id % 4 = 1;
SELECT count(*), sum(length(note)) FROM person;
"""

PYTHON = """
import json, re
class Node:
    def __init__(self, key, next):
        self.key, self.next, self.tags = key, next, [str(key), key * 1.5]
total = 0
for turn in range({turns}):
    chain = None
    for i in range(30000):
        chain = Node(i, chain)
    table = {{'k%d' % i: {{'n': i, 'text': 'x' * (i % 50), 'list': list(range(i % 8))}} for i in range(20000)}}
    text = json.dumps(table)
    total += len(json.loads(text)) + len(re.findall(r'"n": (\\d+)', text))
    words = sorted(w[::-1] for w in text[:400000].split())
    total += len(' '.join(set(words))) + sum(1 for _ in iter(words))
    while chain:
        total += chain.key
        chain = chain.next
print(total)
"""

LUA = """
local total = 0
for turn = 1, {turns} do
  local list, words = nil, {{}}
  for i = 1, 60000 do
    list = {{ next = list, key = i, name = "n" .. (i % 1000) }}
    words[#words + 1] = string.rep("w", i % 40) .. i
  end
  table.sort(words)
  local joined = table.concat(words, ",")
  for w in joined:gmatch("[^,]+") do total = total + #w end
  while list do total = total + list.key; list = list.next end
  local grid = {{}}
  for i = 1, 300 do grid[i] = {{}}; for j = 1, 100 do grid[i][j] = {{ i, j }} end end
  total = total + #grid + #joined:gsub("w", "vv")
end
print(total)
"""

PERL = r"""
my $total = 0;
for my $turn (1 .. {turns}) {{
    my (%count, @rows, $list);
    for my $i (1 .. 40000) {{
        my $word = "w" . ($i * 7919 % 9973) . ("x" x ($i % 30));
        $count{{$word}}++;
        push @rows, [$i, $word, {{ key => $i, text => "t$i" }}];
        $list = {{ next => $list, at => $i }};
    }}
    for my $row (sort {{ $a->[1] cmp $b->[1] || $a->[0] <=> $b->[0] }} @rows) {{
        my ($digits) = $row->[1] =~ /^w(\d+)x*$/;
        $total += $digits + length join ",", map {{ "$_=$row->[2]{{$_}}" }} sort keys %{{$row->[2]}};
    }}
    while ($list) {{ $total += $list->{{at}}; $list = $list->{{next}}; }}
    $total += scalar keys %count;
}}
print "$total\n";
"""

NODE = """
const zlib = require('zlib');
let total = 0;
for (let turn = 0; turn < {turns}; turn++) {{
  const buffers = [];
  for (let i = 0; i < 4000; i++) {{
    const b = Buffer.alloc(5000 + (i * 7919) % 60000, i & 255);
    buffers[(i * 31) % 500] = b;
    total += b[b.length - 1];
  }}
  const packed = zlib.deflateSync(Buffer.concat(buffers.filter(Boolean)), {{ level: 1 }});
  total += zlib.inflateSync(packed).length;
  const rows = [];
  for (let i = 0; i < 20000; i++) rows.push({{ id: i, name: 'n' + i, tags: [i, String(i)] }});
  total += JSON.parse(JSON.stringify(rows)).length;
  total += new TextDecoder().decode(new TextEncoder().encode('x'.repeat(1000000))).length;
}}
console.log(total);
"""

POSTSCRIPT = """%!PS
/Times-Roman findfont 9 scalefont setfont
/seed 1 def
/next {{ /seed seed 7919 mul 13 add 104729 mod def seed }} def
1 1 {pages} {{
  pop
  /at 760 def
  60 {{
    40 at moveto
    12 {{ next 20 string cvs show ( ) show }} repeat
    /at at 12 sub def
  }} repeat
  400 {{
    newpath next 500 mod next 700 mod moveto
    next 500 mod next 700 mod next 500 mod next 700 mod next 500 mod next 700 mod curveto
    next 255 mod 255 div setgray stroke
    1 dict begin /a [ next next next ] def a 0 get 10 string cvs pop end
  }} repeat
  showpage
}} for
"""

XSL = """<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" indent="yes"/>
<xsl:key name="by-town" match="person" use="@town"/>
<xsl:template match="/people"><report>
  <xsl:for-each select="person[generate-id() = generate-id(key('by-town', @town)[1])]">
    <xsl:sort select="@town"/>
    <town name="{@town}" count="{count(key('by-town', @town))}">
      <xsl:for-each select="key('by-town', @town)">
        <xsl:sort select="name"/><xsl:apply-templates select="."/>
      </xsl:for-each>
    </town>
  </xsl:for-each></report>
</xsl:template>
<xsl:template match="person">
  <p id="{@id}"><xsl:value-of select="concat(translate(name, 'abcdef', 'ABCDEF'), ': ', substring(note, 2, 20))"/></p>
</xsl:template>
</xsl:stylesheet>
"""


def sqlite3(scale):
    return {"sqlite.sql": SQLITE.format(rows=1700 * scale)}


def python3(scale):
    return {"python.py": PYTHON.format(turns=max(1, 11 * scale // 100))}


def lua(scale):
    return {"lua.lua": LUA.format(turns=max(1, 9 * scale // 100))}


def perl(scale):
    return {"perl.pl": PERL.format(turns=max(1, 4 * scale // 100))}


def node(scale):
    return {"node.js": NODE.format(turns=max(1, 16 * scale // 100))}


def gs(scale):
    return {"gs.ps": POSTSCRIPT.format(pages=max(1, 180 * scale // 100))}


def gcc(scale):
    rng = random.Random(1)
    lines = ["struct row { int key; double value; struct row *next; const char *name; };"]
    for f in range(max(4, 3 * scale)):
        a, b = rng.randrange(3, 100), rng.randrange(3, 100)
        lines.append(f"""
static int table_{f}[{a}];
int work_{f}(struct row *r, int n)
{{
    int sum = {b};
    for (int i = 0; i < n; i++) {{
        switch ((r->key + i) % 7) {{
        case 0: sum += table_{f}[i % {a}] * r->key; break;
        case 1: sum ^= (int)(r->value * {b}); break;
        case {2 + f % 4}: table_{f}[(i + {b}) % {a}] = sum; break;
        default: sum -= r->name ? r->name[i % {b}] : {a};
        }}
        if (sum > {a * 1000} && r->next)
            r = r->next;
        while (sum > {b * 5000})
            sum = (sum >> 1) + {f and f"work_{f - 1}(r, i / 2)" or "n"};
    }}
    return sum;
}}""")
    return {"gcc.c": "\n".join(lines) + "\n"}


def z3_problem(rng, n):
    """n integers under linear and array constraints, each with three ways to satisfy it."""
    pick = lambda: f"v{rng.randrange(n)}"
    lines = [f"(declare-const v{i} Int)" for i in range(n)] + ["(declare-const a (Array Int Int))"]
    for i in range(n):
        j, k, m = pick(), pick(), pick()
        lines.append(f"(assert (and (>= v{i} 0) (<= v{i} 100) (or (<= (+ v{i} (* 2 {j})) (+ {k} {rng.randrange(120)})) "
                     f"(= (select a {m}) (+ {j} {rng.randrange(9)})) (> v{i} (select (store a {k} {m}) {j})))))")
    return lines


def z3(scale):
    rng = random.Random(4)
    lines = []
    for _ in range(max(1, 7 * scale // 100)):
        lines += z3_problem(rng, 45) + ["(check-sat)", "(reset)"]
    return {"z3.smt2": "\n".join(lines) + "\n"}


def xsltproc(scale):
    rng = random.Random(2)
    rows = []
    for i in range(900 * scale):
        note = "".join(rng.choices("abcdefgh ", k=30))
        rows.append(f'<person id="{i}" town="t{rng.randrange(300)}"><name>{note[:9]}{i}</name><note>{note}</note>'
                    "</person>")
    return {"xslt.xsl": XSL, "xslt.xml": "<people>" + "\n".join(rows) + "</people>\n"}


def git_stream(scale):
    """Commits for git fast-import, each changing a few lines of a few of 200 files."""
    rng = random.Random(3)
    files = [[f"line {n} of file {f}" for n in range(100)] for f in range(200)]
    out = []
    for commit in range(max(5, 60 * scale)):
        message = f"change {commit}"
        out.append(f"commit refs/heads/main\ncommitter A <a@example.org> {1500000000 + commit * 60} +0000\n"
                   f"data {len(message)}\n{message}\n")
        for f in range(200) if commit == 0 else rng.sample(range(200), 4):
            for _ in range(3):
                files[f][rng.randrange(100)] = f"line changed in {commit}: {rng.random()}"
            text = "\n".join(files[f])
            out.append(f"M 100644 inline dir{f % 10}/file{f}\ndata {len(text)}\n{text}\n")
    return "".join(out)


def write_git(directory, scale):
    repo = os.path.join(directory, "git.repo")
    if os.path.exists(os.path.join(repo, "done")):
        return
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", repo], check=True)
    subprocess.run(["git", "-C", repo, "fast-import", "--quiet"], input=git_stream(scale).encode(), check=True)
    open(os.path.join(repo, "done"), "w").close()


GENERATORS = {"sqlite3": sqlite3, "gcc": gcc, "python3": python3, "lua": lua, "gs": gs, "z3": z3, "xsltproc": xsltproc,
              "perl": perl, "node": node}


def write(name, directory, scale):
    if name == "git":
        write_git(directory, scale)
    for file, text in GENERATORS.get(name, lambda scale: {})(scale).items():
        with open(os.path.join(directory, file), "w", encoding="utf-8") as f:
            f.write(text)
