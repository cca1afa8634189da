# needs: lua5.4
# limit: 60
cat >work.lua <<'END'
local t, count = {}, 0
for i = 1, 200000 do
    local k = "k" .. (i * 7919) % 30011
    if not t[k] then t[k] = {} count = count + 1 end
    t[k][#t[k] + 1] = i
end
print(count, #t.k5)
local parts = {}
for i = 1, 50000 do parts[i] = string.rep("x", i % 20) .. i end
local text = table.concat(parts, ",")
print(#text, select(2, text:gsub("(x+)(%d)", "%2%1")), text:find("x49999", 1, true))
local function tree(n) if n == 0 then return {} end return { tree(n - 1), tree(n - 1) } end
local function size(n) if not n[1] then return 1 end return 1 + size(n[1]) + size(n[2]) end
for _ = 1, 3 do print(size(tree(15))) end
local co = {}
for i = 1, 5000 do co[i] = coroutine.wrap(function(a) for j = 1, 3 do a = coroutine.yield(a + j) end return a end) end
local s = 0
for r = 1, 3 do for i = 1, 5000 do s = s + co[i](i * r) end end
print(s, pcall(error, { code = 3 }))
collectgarbage("collect")
print(load("return " .. string.rep("1+", 150) .. "1")(), pcall(string.rep, "x", -1))
os.exit(7, true)
END
lua5.4 work.lua | sed 's/table: 0x[0-9a-f]*/TABLE/'; echo "code ${PIPESTATUS[0]}"
lua5.4 -e 'error("deliberate")'; echo "code $?"
