# needs: gdb gcc
# limit: 60
cat >tiny.c <<'END'
#include <stdio.h>
#include <stdlib.h>
struct node { int value; struct node *next; };
static int sum(struct node *n) { int s = 0; while (n) { s += n->value; n = n->next; } return s; }
int main(void)
{
    struct node *head = NULL;
    for (int i = 0; i < 10; i++) {
        struct node *n = malloc(sizeof *n);
        n->value = i; n->next = head; head = n;
    }
    printf("%d\n", sum(head));
    return 2;
}
END
gcc -g -O0 tiny.c -o tiny
cat >session <<'END'
set confirm off
set width 0
set debuginfod enabled off
break sum
run
backtrace
info args
finish
print head->value
print *head->next->next
delete
print sum(head)
ptype struct node
python print(sum(range(100000)), len([str(i) for i in range(50000)]))
info line main
disassemble main
watch head->value
continue
kill
quit
END
hide() { sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/process [0-9]+/process PID/; s/Thread ADDRESS \(LWP [0-9]+\)/THREAD/'; }
gdb -q -nx -batch -x session tiny 2>&1 | hide
gdb -q -nx -batch -ex 'info functions' -ex 'info types' tiny 2>&1 | md5sum
gdb -q -nx -batch -ex 'print nonsense' tiny 2>&1; echo "code $?"
