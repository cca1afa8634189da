# set: fast
# needs: perl
# limit: 30
cat >work.pl <<'END'
use strict; use warnings;
my (%count, @rows, $text);
for my $i (1 .. 120000) {
    my $word = sprintf "w%05d", ($i * 7919) % 30011;
    $count{$word}++;
    push @rows, { id => $i, word => $word, tail => "x" x ($i % 50) };
}
print scalar(keys %count), "\n";
my @sorted = sort { $a->{word} cmp $b->{word} or $b->{id} <=> $a->{id} } @rows;
print join(" ", map { "$_->{word}:$_->{id}" } @sorted[0 .. 9]), "\n";
$text = join ",", map { "$_->{word}=" . length $_->{tail} } @rows;
(my $other = $text) =~ s/(\d+)=(\d+)/$2=$1/g;
print length $text, " ", length $other, " ", substr($other, 70000, 60), "\n";
my $matches = () = $text =~ /w0(\d)\1\d+/g;
print "$matches\n";
my $tree = {};
for (@rows) { my $t = $tree; $t = $t->{$_} //= {} for split //, $_->{word} }
sub depth { my $t = shift; my $d = 0; for (values %$t) { my $c = depth($_); $d = $c if $c > $d } 1 + $d }
print depth($tree), "\n";
my @kids = map { my $k = $_; my $pid = open my $h, "-|"; $pid or do { print $k x 1000; exit 0 }; $h } 1 .. 8;
print join(" ", map { length readline $_ } @kids), "\n";
eval { die { code => 42, data => [1 .. 1000] } }; print "$@->{code} $#{$@->{data}}\n";
use Digest::MD5 "md5_hex"; print md5_hex($other), "\n";
use Storable "dclone"; print scalar @{dclone(\@rows)}, "\n";
exit 3;
END
perl work.pl
echo "code $?"
perl -MPOSIX -MData::Dumper -e 'local $Data::Dumper::Sortkeys = 1; print Dumper({map { $_ => [0..$_] } 1..60})' | md5sum
perl -e 'for my $i (1..200) { eval "sub f$i { my \@a = (1..$i); return scalar \@a } 1" or die } no strict; print f200(), "\n"'
