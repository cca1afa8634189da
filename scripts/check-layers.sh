#!/bin/bash
# check-layers.sh: do the sources keep to src/layers.txt? Each breach is one line, file:line: sentence.
#
# A file of layer X may include the headers of X, of each layer X may use the face alone (the header named
# after the directory), and the public headers under include/. Two more rules follow from the layers: only os
# (and the CLI, a process of its own) asks the system for memory, files and signals, and nothing that
# is loaded into a host uses the parts of the C library that allocate.
set -euo pipefail
cd "$(dirname "$0")/.."

breaches=0
breach() { echo "$*"; breaches=$((breaches + 1)); }

system='mmap|mmap64|munmap|mprotect|madvise|mremap|sigaction|open|open64|openat'
allocating='printf|fprintf|snprintf|sprintf|vsnprintf|fopen|fputs|puts|getenv|secure_getenv|setenv|strdup|strndup|asprintf|opendir'
# FILE WORD of calls that are right where they are, with the reason behind #.
allowed=$(sed 's/ *#.*//' <<'END'
src/entry/exits.c sigaction   # the host's own signals and how they end it
src/entry/memcpy.c vsnprintf  # the program's own call, passed on
src/entry/signals.c sigaction # the name it puts in front of the C library's
END
)

declare -A uses=() home=()

read_layers() {
    local line=0 layer rest used
    while IFS= read -r text; do
        line=$((line + 1))
        [[ $text == \#* || -z $text ]] && continue
        layer=${text%%:*} rest=${text#*:}
        for used in $rest; do
            [[ ${uses[$used]+known} ]] || breach "src/layers.txt:$line: $layer uses $used, which does not stand below it"
        done
        [[ -d src/$layer ]] || breach "src/layers.txt:$line: there is no directory src/$layer"
        uses[$layer]=" $rest "
    done <src/layers.txt
}

# Headers are included by their bare name, so a name must tell its file.
find_headers() {
    local path name
    for path in src/*/*.h src/*/*.def include/*.h include/memoir/*.h; do
        [[ -e $path ]] || continue
        name=${path##*/}
        [[ $path == include/memoir/* ]] && name=memoir/$name
        [[ ${home[$name]+known} ]] && breach "$path:1: ${home[$name]} has the same name"
        home[$name]=$path
    done
}

check_include() {
    local file=$1 line=$2 name=$3 layer=$4 target other
    target=${home[$name]-}
    [[ $target == include/* ]] && return
    other=${target#src/} other=${other%%/*}
    if [[ -z $target ]]; then
        breach "$file:$line: no directory of src/ holds \"$name\""
    elif [[ $other == "$layer" ]]; then
        return
    elif [[ ${uses[$layer]} != *" $other "* ]]; then
        breach "$file:$line: $layer may not use $other (src/layers.txt)"
    elif [[ $name != "$other.h" ]]; then
        breach "$file:$line: \"$name\" is $other's own; its face is \"$other.h\""
    fi
}

check_includes() {
    local file=$1 layer=$2 line name
    while IFS=: read -r line name; do
        check_include "$file" "$line" "$name" "$layer"
    done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]*)".*/\1/;T;=;p' "$file" | paste -d: - -)
    [[ $layer == cli ]] || while IFS=: read -r line _; do
        breach "$file:$line: <stdio.h> allocates; only cli/ may use it"
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<stdio\.h>' "$file")
}

# The code without comments and the content of strings, its lines where they were.
code() {
    sed -E 's/"([^"\\]|\\.)*"/""/g; s,//.*,,' "$1" | awk '{
        out = ""
        while (length($0)) {
            mark = inside ? "*/" : "/*"
            at = index($0, mark)
            if (!at) { if (!inside) out = out $0; break }
            if (!inside) out = out substr($0, 1, at - 1) " "
            $0 = substr($0, at + 2)
            inside = !inside
        }
        print out
    }'
}

# check_calls FILE WORDS SENTENCE: no call of WORDS, unless the allow list says so.
check_calls() {
    local line word
    while IFS=: read -r line word; do
        word=${word%%[ (]*}
        grep -qxF "$1 $word" <<<"$allowed" || breach "$1:$line: $word: $3"
    done < <(code "$1" | grep -noE "(^|[^A-Za-z0-9_.>])($2) *\(" | sed -E 's/:[^A-Za-z0-9_]/:/')
}

check_file() {
    local file=$1 layer
    layer=${file#src/} layer=${layer%%/*}
    [[ ${uses[$layer]+known} ]] || { breach "$file:1: src/layers.txt does not know the layer $layer"; return; }
    check_includes "$file" "$layer"
    [[ $layer == cli ]] && return
    [[ $layer == os ]] || check_calls "$file" "$system" "only os/ asks the system"
    [[ $layer == symbol ]] || check_calls "$file" "$allocating" "inside a host nothing may allocate or use stdio"
}

read_layers
find_headers
while IFS= read -r file; do
    check_file "$file"
done < <(find src -name '*.[ch]' -o -name '*.def' | LC_ALL=C sort)
((breaches == 0)) || { echo "check-layers: $breaches breaches"; exit 1; }
