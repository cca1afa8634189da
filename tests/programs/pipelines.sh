# needs: sort grep awk sed find xargs diff tr cut join
# limit: 60
. "$TOOLS"
numbers 200000 >n
sort n | md5sum; sort -n --parallel=4 -S 2M n | md5sum; sort -u -k1,1n n | tail -n 2
awk '{ count[$1 % 5003]++; sum[$1 % 11] += $1; tail[$1 % 97] = tail[$1 % 97] substr($1, 1, 3) }
     END { n = 0; for (k in count) n++; print n; for (i = 0; i < 11; i++) printf "%d ", sum[i]; print length(tail[5]) }' n
sed -E 's/([0-9])\1/<\1>/g; s/^(.)(.*)$/\2\1/' n | md5sum
sed -n -e 'H;${x;s/\n/,/g;p}' <(head -n 20000 n) | wc -c
grep -cE '(12|34).*(56|78)' n; grep -F -f <(head -n 3000 n | cut -c1-7) n | wc -l; grep -cP '(\d)\1{2}' n
mkdir tree; for i in {1..40}; do mkdir -p tree/d$((i % 7))/e$i; touch tree/d$((i % 7))/e$i/f{1..25}; done
find tree -type f -name 'f*5' | sort | md5sum; find tree -type f -print0 | xargs -0 -n 50 -P 4 echo | wc -w
find tree -depth -name e1\* -exec rm -r {} + ; find tree -type f | wc -l
diff <(sort n | head -n 5000) <(sort -r n | tail -n 4500 | sort) | md5sum
join <(sort n | head -n 3000 | nl -w1 | sort) <(sort -r n | nl -w1 | sort) | md5sum
split -l 7000 n part. && cat part.* | cmp - n && ls part.* | wc -l
tac n | rev | paste -d, - - - - | fold -w 70 | sha256sum
printf '%s\n' {1..500} | xargs -I{} -P 4 sh -c 'echo {}' | sort -n | tail -n 1
grep nothing missing-file; echo "code $?"
