# set: fast
# needs: git
# limit: 60
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@b GIT_CONFIG_NOSYSTEM=1
git init -q -b main repo && cd repo || exit 1
mkdir -p src doc
for i in {1..200}; do
    export GIT_AUTHOR_DATE="$((1600000000 + i)) +0000" GIT_COMMITTER_DATE="$((1600000000 + i)) +0000"
    for f in src/f$((i % 17)).c doc/d$((i % 5)).txt; do
        printf 'line %s of %s\n' "$i" "$f" >>$f
    done
    { printf 'entry %s\n' $i; seq $((i * 3)) 7 3000; } >src/big.c
    git add -A && git commit -q -m "commit $i: a line more"
done
git rev-parse HEAD
git log -p --stat | md5sum
git log --format='%h %s' | head -n 3
git branch side HEAD~50 && git checkout -q side
echo side >side.txt && git add side.txt && git commit -q -m side
git merge -q -m merged main && git log --oneline --graph | wc -l
git gc -q --aggressive --prune=now
git fsck --full --strict --no-progress && git count-objects -v | grep -E 'in-pack|packs|garbage'
git clone -q --no-local . ../copy && git -C ../copy log --format=%H | md5sum
git blame src/f3.c | md5sum
git grep -c entry HEAD~100 -- src
git diff --stat HEAD~120 | tail -n 1
git rebase -q main 2>&1 | tail -n 1
git show nonsense 2>&1; echo "code $?"
