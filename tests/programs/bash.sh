# set: fast
# needs: bash
# limit: 30
declare -a list=()
declare -A map=()
for ((i = 0; i < 20000; i++)); do
    list+=("item $i")
    map[key$((i % 997))]+="$i,"
done
echo "${#list[@]} ${#map[@]} ${list[12345]} ${map[key5]}"

text=$(for i in {1..300}; do (echo "subshell $i"; exit $((i % 7))) && echo "good $i"; done)
echo "${#text}"; echo "$text" | tail -n 3

read -r -d '' document <<END
$(for i in {1..2000}; do echo "line $i of a here-document with ${list[i]}"; done)
END
echo "${#document} ${document:5000:40}"
while read -r word rest; do last=$rest; done <<<"$document"
echo "$last"

long=x
for i in {1..13}; do long=$long$long; done
echo "${#long} ${long//x/yz}" | wc -c
echo "${list[@]:100:5}" "${list[*]/item/thing}" | wc

deep() { (($1 == 0)) || deep $(($1 - 1)); }
deep 800 && echo deep
coproc cat
echo through a coprocess >&"${COPROC[1]}"
read -r -u "${COPROC[0]}" line && echo "$line"
trap 'echo bye' EXIT
mapfile -t lines < <(printf '%s\n' "${list[@]}" | sort -r | head -n 4000)
echo "${lines[0]} ${lines[3999]}"
printf '%s\n' "${!map[@]}" | sort | head -n 3
echo to stderr >&2
