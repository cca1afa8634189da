# needs: xsltproc
# limit: 60
{ echo '<shop>'; for i in {1..8000}; do echo "<item id=\"i$((i * 7919 % 8009))\" kind=\"k$((i % 37))\"><name>name &amp; $i</name><price>$((i * 3 % 997)).5</price></item>"; done; echo '</shop>'; } >shop.xml
cat >shop.xsl <<'END'
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="html" indent="yes"/><xsl:key name="kind" match="item" use="@kind"/>
<xsl:template match="/shop"><html><body>
<xsl:for-each select="item[generate-id() = generate-id(key('kind', @kind)[1])]"><xsl:sort select="@kind"/>
<h2><xsl:value-of select="@kind"/>: <xsl:value-of select="sum(key('kind', @kind)/price)"/></h2>
<xsl:for-each select="key('kind', @kind)"><xsl:sort select="price" data-type="number" order="descending"/>
<p class="{@id}"><xsl:value-of select="concat(name, ' ', format-number(price, '#,##0.00'))"/></p></xsl:for-each></xsl:for-each>
</body></html></xsl:template></xsl:stylesheet>
END
xsltproc shop.xsl shop.xml | tee out.html | md5sum; wc -l <out.html; grep -m 2 '<h2>' out.html
xsltproc --profile shop.xsl shop.xml 2>/dev/null >again.html; grep -c '<p class' again.html
echo '<shop><item></shop>' | xsltproc shop.xsl -; echo "code $?"
