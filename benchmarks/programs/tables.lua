-- tables, strings and closures, as scripts make them; `tables.lua PERCENT` prints a checksum
local percent = tonumber(arg[1]) or 100
local seed, sum = 42, 0

local function random(n)
	seed = (seed * 1103515245 + 12345) % 2147483648
	return seed // 65536 % n
end

local function point(x, y) return { x = x, y = y, name = "p" .. x .. "," .. y } end

local function tree(depth)
	if depth == 0 then return { value = random(100) } end
	return { left = tree(depth - 1), right = tree(depth - 1), value = depth }
end

local function total(t) return t.left and total(t.left) + total(t.right) + t.value or t.value end

for round = 1, math.max(1, percent // 10) do
	local points, seen, parts, steps = {}, {}, {}, {}
	for i = 1, 20000 do
		local p = point(random(1000), random(1000))
		points[#points + 1] = p
		seen[p.name] = (seen[p.name] or 0) + 1
	end
	table.sort(points, function(a, b) return a.x * 1000 + a.y < b.x * 1000 + b.y end)
	for i = 1, 5000 do
		parts[i] = string.format("%d:%s", points[i].x, string.rep("x", i % 30))
		steps[i] = function(n) return n + i + points[i].y end
	end
	local text = table.concat(parts, ";")
	for word in text:gmatch("%d+:") do sum = (sum * 31 + #word + tonumber(word:sub(1, -2))) % 4294967296 end
	for i = 1, #steps do sum = steps[i](sum) % 4294967296 end
	sum = (sum + total(tree(14)) + #text:upper():gsub("X+", "y")) % 4294967296
	for _, p in ipairs(points) do sum = (sum + seen[p.name]) % 4294967296 end
end
print("checksum", sum)
