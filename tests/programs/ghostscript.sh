# needs: gs
# limit: 90
cat >page.ps <<'END'
%!PS
/Times-Roman findfont 14 scalefont setfont
1 1 12 { /page exch def
  0 1 40 { dup 50 exch 17 mul 60 add moveto (line ) show 20 string cvs show ( of page ) show page 20 string cvs show } for
  0 5 355 { gsave 300 400 translate rotate 0 0 moveto 200 0 lineto page 12 div 0.5 0.2 setrgbcolor stroke grestore } for
  showpage } for
/d 2000 dict def 0 1 1999 { dup 20 string cvs cvn exch d 3 1 roll put } for d length =
20000 array 0 1 19999 { 1 index exch dup 3 mul put } for dup 777 get = pop
END
gs -q -dBATCH -dNOPAUSE -sDEVICE=png16m -r60 -sOutputFile=p%d.png page.ps && cat p{1..12}.png | md5sum
gs -q -dBATCH -dNOPAUSE -sDEVICE=pdfwrite -sOutputFile=o.pdf page.ps && gs -q -dBATCH -dNOPAUSE -sDEVICE=txtwrite -sOutputFile=- o.pdf | md5sum
gs -q -dBATCH -dNOPAUSE -sDEVICE=pnggray -r80 -dFirstPage=2 -dLastPage=5 -sOutputFile=q%d.png o.pdf && cat q*.png | md5sum
echo '1 0 div' | gs -q -dBATCH -dNOPAUSE -sDEVICE=nullpage - >bad.log 2>&1; echo "code $?"; head -n 1 bad.log
