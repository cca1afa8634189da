# needs: ruby
# limit: 90
cat >work.rb <<'END'
require 'json'
require 'digest'
words = (1..150_000).map { |i| "w#{i * 7919 % 30011}" }
count = words.tally
puts count.size, count.sort_by { |k, v| [-v, k] }.first(3).inspect
text = JSON.generate(words.each_with_index.map { |w, i| { w: w, i: i, s: 'x' * (i % 40) } })
puts text.size, Digest::SHA256.hexdigest(text), JSON.parse(text).size
puts (1..8).map { |t| Thread.new { (1..20_000).map { |i| "t#{t}-#{i}" }.join.size } }.map(&:value).inspect
puts (1..4).map { |i| r, w = IO.pipe; fork { r.close; w.write('x' * i * 1000); exit!(i) }; w.close; r.read.size }.inspect
Process.waitall
GC.start(full_mark: true); GC.compact
puts text.scan(/w(\d)\1/).size, (2**5000).to_s.size, `echo child`
fiber = Fiber.new { 3000.times { |i| Fiber.yield 'y' * i } }
puts 3000.times.sum { fiber.resume.to_s.size }
exit 8
END
ruby work.rb; echo "code $?"
ruby -e 'raise "deliberate"' 2>&1; echo "code $?"
