# needs: tar xz gzip bzip2
# limit: 90
. "$TOOLS"
mkdir -p in/{a..h}
for d in {a..h}; do
    for i in {1..40}; do echo "file $i of $d" >"in/$d/file-with-a-rather-long-name-$i"; done
    numbers 40000 >in/$d/numbers
done
ln -s a/numbers in/link; ln in/b/numbers in/hard; truncate -s 5M in/sparse
flags=(--sort=name --mtime=@1600000000 --owner=0 --group=0 --numeric-owner)
tar -cf all.tar "${flags[@]}" -S in && md5sum all.tar
for format in gnu posix v7 ustar; do tar -cf - --format=$format "${flags[@]}" --exclude=sparse in | tar -tvf - | md5sum; done
xz -k -T2 -6 all.tar && xz -dc all.tar.xz | cmp - all.tar && xz --list --robot all.tar.xz | head -n 1 | cut -f2
xz -9e -c in/a/numbers | md5sum
gzip -9 -n -c all.tar | md5sum; bzip2 -c all.tar | md5sum
mkdir out && tar -xJf all.tar.xz -C out && diff -r in out/in && echo same
tar --delete -f all.tar in/a/numbers && tar -tf all.tar | wc -l
head -c 50000 all.tar.xz | xz -dc 2>&1 >/dev/null; echo "code $?"
tar -xf missing.tar 2>&1; echo "code $?"
