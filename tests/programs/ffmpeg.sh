# needs: ffmpeg
# limit: 90
run() { ffmpeg -hide_banner -nostdin -v error -y "$@"; }
run -f lavfi -i testsrc=size=320x240:rate=15:duration=4 -f lavfi -i sine=frequency=440:duration=4 -threads 2 -c:v mpeg4 -c:a aac -bitexact a.mkv
run -i a.mkv -f framemd5 - | md5sum
run -i a.mkv -vf 'scale=200:150,hflip,boxblur=3,fps=5' -an -c:v gif -bitexact b.gif && md5sum <b.gif
run -i a.mkv -af 'atempo=1.5,volume=0.4' -vn -c:a flac -bitexact c.flac && md5sum <c.flac
run -i a.mkv -threads 4 -c:v ffv1 -an -bitexact d.mkv && run -i d.mkv -f md5 -
run -i a.mkv -filter_complex '[0:v]split[x][y];[x]crop=100:100[p];[y][p]overlay=20:20' -an -f rawvideo - | md5sum
run -i missing.mkv e.mkv; echo "code $?"
