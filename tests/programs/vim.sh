# needs: vi
# limit: 60
. "$TOOLS"
numbers 30000 >n.txt
cat >commands <<'END'
set nomore undolevels=1000 nofixendofline
%s/\(\d\)\(\d\)$/\2\1/
g/77/m0
sort n
1,2000normal! A tail
%s/tail/&\r&/
undo
redo
g/^1/d
w! out.txt
q!
END
vi -es -N -u NONE -i NONE -n -S commands n.txt 2>&1; echo "code $?"
md5sum out.txt; wc out.txt
vi -es -N -u NONE -i NONE -n -c 'nonsense' -c 'cq 3' n.txt; echo "code $?"
