# needs: java javac
# limit: 120
mkdir src
cat >src/Work.java <<'END'
import java.nio.ByteBuffer;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import java.util.zip.*;
public class Work {
    record Row(int id, String name) {}
    public static void main(String[] args) throws Exception {
        var pool = Executors.newFixedThreadPool(8);
        var jobs = new ArrayList<Future<Integer>>();
        for (int t = 0; t < 16; t++) {
            final int k = t;
            jobs.add(pool.submit(() -> {
                var m = new HashMap<String, List<Row>>();
                for (int i = 0; i < 30000; i++)
                    m.computeIfAbsent("k" + i % 997, x -> new ArrayList<>()).add(new Row(i, "n" + i * k));
                return m.values().stream().mapToInt(List::size).sum() + k;
            }));
        }
        for (var j : jobs) System.out.print(j.get() + " ");
        System.out.println();
        pool.shutdown();
        var buffers = new ArrayList<ByteBuffer>();
        for (int i = 1; i < 400; i++) buffers.add(ByteBuffer.allocateDirect(i * 1000).putInt(0, i));
        System.out.println(buffers.stream().mapToInt(b -> b.getInt(0)).sum());
        byte[] text = IntStream.range(0, 100000).mapToObj(Integer::toString).collect(Collectors.joining(",")).getBytes();
        var d = new Deflater(9); d.setInput(text); d.finish();
        byte[] out = new byte[text.length]; int n = d.deflate(out); d.end();
        var i = new Inflater(); i.setInput(out, 0, n); byte[] back = new byte[text.length];
        System.out.println(n + " " + i.inflate(back) + " " + Arrays.equals(text, back)); i.end();
        var p = new ProcessBuilder("echo", "child").start();
        System.out.print(new String(p.getInputStream().readAllBytes()));
        try { Object o = new long[Integer.MAX_VALUE]; System.out.println(o); }
        catch (OutOfMemoryError e) { System.out.println("OutOfMemoryError"); }
        System.exit(6);
    }
}
END
export JAVA_TOOL_OPTIONS=
unset JAVA_TOOL_OPTIONS
javac -d out src/Work.java && java -Xmx256m -cp out Work; echo "code $?"
java -XX:+UseSerialGC -Xint -Xmx256m -cp out Work | md5sum
java -Xmx64m -cp out Missing >bad.log 2>&1; echo "code $?"; head -n 2 bad.log
