# needs: convert-im6.q16 identify-im6.q16
# limit: 90
convert() { convert-im6.q16 "$@"; }
sum() { convert "$1" -depth 8 rgb:- | md5sum; }
convert -size 600x400 gradient:red-blue -swirl 90 a.png && sum a.png
convert -size 500x500 plasma:fractal -seed 1 /dev/null; convert -seed 5 -size 500x500 plasma:green-red b.png && sum b.png
convert a.png -resize 37% -rotate 15 -blur 0x3 -sharpen 0x1 c.png && sum c.png
convert b.png -colors 32 -quality 80 d.gif && sum d.gif
convert b.png -quality 70 e.jpg && sum e.jpg
convert a.png b.png -append \( b.png -negate \) +append -trim f.png && sum f.png
convert a.png b.png -gravity center -compose multiply -composite -edge 2 g.png && sum g.png
convert b.png -fx '(u.r+v.g)/2*sin(i/20)' -resize 50% h.png && sum h.png
convert b.png -morphology Dilate Disk:4 -median 3 -emboss 2 i.png && sum i.png
for i in {1..12}; do convert -size 80x80 "gradient:rgb($((i * 20)),0,0)-white" f$i.png; done
convert -delay 10 f{1..12}.png anim.gif && identify-im6.q16 -format '%w %h %n\n' anim.gif | tail -n 1
identify-im6.q16 -verbose c.png | grep -E 'Geometry|Colors:|mean|standard' | head -n 8
convert missing.png x.png 2>&1 | sed 's/ @ .*//'; echo "code ${PIPESTATUS[0]}"
