-- Ready queries for `heap_dump sql`: paste one, change what is between quotes, go on from there. In the prompt `.queries` lists
-- them and `.queries NAME` runs one; docs/sql.md has the tables.
-- An exported database (heap_dump export FILE --to sqlite:out.db) has the same tables and columns, but not heap_dump's functions:
-- there, write `size` for human(size), and leave out path(id) and gem(file).

-- name: top_classes
-- title: The classes whose objects retain the most
SELECT class, objects, human(size) AS size, human(retained) AS retained
FROM classes
ORDER BY classes.retained DESC
LIMIT 20;

-- name: types
-- title: What each builtin type takes
SELECT type, count(*) AS objects, human(sum(size)) AS size
FROM objects
GROUP BY type
ORDER BY sum(objects.size) DESC;

-- name: biggest_objects
-- title: The objects that retain the most, and by which path they are kept
-- Classes and modules are left out: they retain what their constants hold.
SELECT id, class, human(retained) AS retained, path(id) AS path
FROM objects
WHERE type NOT IN ('T_CLASS', 'T_MODULE', 'T_ICLASS', 'T_IMEMO')
ORDER BY objects.retained DESC
LIMIT 20;

-- name: biggest_strings
-- title: The strings that take the most memory
SELECT id, human(size) AS size, bytesize, encoding, substr(value, 1, 60) AS beginning
FROM strings
ORDER BY strings.size DESC
LIMIT 20;

-- name: duplicate_strings
-- title: The texts that are there most often, by the bytes that their copies waste
WITH repeated AS (
  SELECT same_as, count(*) AS copies, sum(CASE WHEN id = same_as THEN 0 ELSE size END) AS wasted
  FROM strings WHERE duplicates > 0
  GROUP BY same_as ORDER BY wasted DESC LIMIT 20)
SELECT strings.id, copies, human(wasted) AS wasted, substr(value, 1, 60) AS text
FROM repeated JOIN strings ON strings.id = repeated.same_as
ORDER BY repeated.wasted DESC;

-- name: who_holds_class
-- title: Who refers to the objects of a class, and by which name
SELECT holder.class AS holder, refs.name, count(*) AS refs
FROM objects AS target
JOIN refs ON refs.to_id = target.id
LEFT JOIN objects AS holder ON holder.id = refs.from_id
WHERE target.class = 'Proc' AND refs.kind = 'strong'
GROUP BY holder.class, refs.name
ORDER BY refs DESC
LIMIT 20;

-- name: who_holds_object
-- title: Who refers to one object (here: the one that retains the most)
WITH target AS (SELECT id FROM objects WHERE type NOT IN ('T_CLASS', 'T_MODULE') ORDER BY retained DESC LIMIT 1)
SELECT refs.from_id AS id, holder.class AS holder, refs.name, refs.kind, human(holder.retained) AS retained
FROM target
JOIN refs ON refs.to_id = target.id
LEFT JOIN objects AS holder ON holder.id = refs.from_id
LIMIT 50;

-- name: what_it_keeps
-- title: What one object keeps alive, by class (here: the one that retains the most)
WITH RECURSIVE below(id) AS (
  SELECT * FROM (SELECT id FROM objects WHERE type NOT IN ('T_CLASS', 'T_MODULE') ORDER BY retained DESC LIMIT 1)
  UNION ALL
  SELECT objects.id FROM below JOIN objects ON objects.dominator = below.id)
SELECT class, count(*) AS objects, human(sum(size)) AS size
FROM below JOIN objects ON objects.id = below.id
GROUP BY class
ORDER BY sum(objects.size) DESC
LIMIT 20;

-- name: path_to_root
-- title: The shortest named path to an object, step by step (here: to the biggest string)
SELECT step, name, hex_id(id) AS hex, label, human(retained) AS retained
FROM path((SELECT id FROM objects WHERE type = 'T_STRING' AND reachable ORDER BY size DESC LIMIT 1));

-- name: path_to_root_by_hand
-- title: The same with a recursive query over `refs`, for databases without heap_dump's functions
-- Breadth first from the object upwards, so the first way that ends at a root (the object 0) is a shortest one.
WITH RECURSIVE up(id, steps, way) AS (
  SELECT * FROM (SELECT id, 0, class FROM objects WHERE type = 'T_STRING' AND reachable ORDER BY size DESC LIMIT 1)
  UNION
  SELECT refs.from_id, up.steps + 1,
         coalesce((SELECT class FROM objects WHERE id = refs.from_id) || ' → ', '') || refs.name || ' → ' || up.way
  FROM up JOIN refs ON refs.to_id = up.id
  WHERE up.id <> 0 AND refs.kind = 'strong' AND up.steps < 20
  ORDER BY 2
  LIMIT 100000)
SELECT way FROM up WHERE id = 0 LIMIT 1;

-- name: dominators
-- title: The objects without which one would be gone, nearest first (here: the biggest string)
WITH RECURSIVE up(id, steps) AS (
  SELECT * FROM (SELECT id, 0 FROM objects WHERE type = 'T_STRING' AND reachable ORDER BY size DESC LIMIT 1)
  UNION ALL
  SELECT objects.dominator, steps + 1 FROM up JOIN objects ON objects.id = up.id WHERE objects.dominator <> 0)
SELECT steps, up.id, class, human(retained) AS retained
FROM up JOIN objects ON objects.id = up.id
ORDER BY steps
LIMIT 50;

-- name: constants
-- title: The constants that retain the most data
SELECT owner.name || '::' || substr(refs.name, 8) AS constant, value.class, human(value.retained) AS retained, value.id
FROM refs
JOIN objects AS owner ON owner.id = refs.from_id
JOIN objects AS value ON value.id = refs.to_id
WHERE refs.name GLOB 'consts.*' AND value.type NOT IN ('T_CLASS', 'T_MODULE')
ORDER BY value.retained DESC
LIMIT 20;

-- name: class_variables
-- title: Class variables and instance variables of classes that retain the most
SELECT owner.name AS owner, substr(refs.name, instr(refs.name, '@')) AS variable, value.class, human(value.retained) AS retained, value.id
FROM refs
JOIN objects AS owner ON owner.id = refs.from_id
JOIN objects AS value ON value.id = refs.to_id
WHERE owner.type IN ('T_CLASS', 'T_MODULE') AND (refs.name GLOB 'ivs.@*' OR refs.name GLOB 'cvars.@@*')
ORDER BY value.retained DESC
LIMIT 20;

-- name: global_variables
-- title: Global variables, those that retain the most first
SELECT substr(roots.name, 18) AS variable, class, human(retained) AS retained, objects.id
FROM roots JOIN objects ON objects.id = roots.id
WHERE category = 'global_variables'
ORDER BY objects.retained DESC
LIMIT 20;

-- name: closures_self
-- title: Procs by the class of the self that each keeps alive
SELECT self.class AS self, count(*) AS procs, human(sum(proc.retained)) AS retained_by_procs, min(proc.id) AS one_of_them
FROM objects AS proc
JOIN refs ON refs.from_id = proc.id AND refs.name = 'self'
JOIN objects AS self ON self.id = refs.to_id
WHERE proc.kind = 'proc'
GROUP BY self.class
ORDER BY procs DESC
LIMIT 20;

-- name: closures_captured
-- title: Local variables that closures have captured, by what they retain
SELECT refs.name AS variable, value.class, count(*) AS closures, human(max(value.retained)) AS biggest
FROM objects AS env
JOIN refs ON refs.from_id = env.id
JOIN objects AS value ON value.id = refs.to_id
WHERE env.kind = 'env' AND refs.name GLOB 'locals.*'
GROUP BY refs.name, value.class
ORDER BY max(value.retained) DESC
LIMIT 20;

-- name: closures_by_place
-- title: Where the Procs were written, those that are there most often first
SELECT json_extract(line, '$.iseq.filename') || ':' || json_extract(line, '$.iseq.line') AS place, count(*) AS procs
FROM (SELECT dump_line(id) AS line FROM objects WHERE kind = 'proc')
GROUP BY place
ORDER BY procs DESC
LIMIT 20;

-- name: thread_locals
-- title: What each thread-local variable retains
SELECT thread_locals.name, count(*) AS threads, class, human(sum(retained)) AS retained, max(objects.id) AS one_of_them
FROM thread_locals JOIN objects ON objects.id = thread_locals.id
GROUP BY thread_locals.name, class
ORDER BY sum(objects.retained) DESC
LIMIT 20;

-- name: thread_local_objects
-- title: How many objects each thread-local variable keeps alive
WITH RECURSIVE below(variable, id) AS (
  SELECT thread_locals.name, objects.id FROM thread_locals JOIN objects ON objects.id = thread_locals.id
  UNION ALL
  SELECT below.variable, objects.id FROM below JOIN objects ON objects.dominator = below.id)
SELECT variable, count(*) AS objects, human(sum(size)) AS size
FROM below JOIN objects ON objects.id = below.id
GROUP BY variable
ORDER BY sum(objects.size) DESC
LIMIT 20;

-- name: frame_locals
-- title: Local variables of running methods, those that retain the most first
SELECT frames.method, locals.name AS variable, class, human(retained) AS retained, objects.id
FROM locals
JOIN frames ON frames.thread_id = locals.thread_id AND frames.depth = locals.depth
JOIN objects ON objects.id = locals.id
ORDER BY objects.retained DESC
LIMIT 20;

-- name: backtraces
-- title: The backtrace of every thread
SELECT thread_id, depth, method, file || ':' || line AS place
FROM frames
ORDER BY thread_id, depth
LIMIT 200;

-- name: biggest_hashes
-- title: The hashes with the most entries
SELECT id, length AS pairs, human(size) AS size, human(retained) AS retained, path(id) AS path
FROM objects
WHERE type = 'T_HASH'
ORDER BY length DESC
LIMIT 20;

-- name: biggest_arrays
-- title: The arrays with the most elements
SELECT id, length AS elements, human(size) AS size, human(retained) AS retained, path(id) AS path
FROM objects
WHERE type = 'T_ARRAY'
ORDER BY length DESC
LIMIT 20;

-- name: empty_collections
-- title: Arrays and hashes that are empty, by who holds them
SELECT holder.class AS holder, refs.name, count(*) AS empty, human(sum(empty.size)) AS size
FROM objects AS empty
JOIN refs ON refs.to_id = empty.id
JOIN objects AS holder ON holder.id = refs.from_id
WHERE empty.type IN ('T_ARRAY', 'T_HASH') AND empty.length = 0
GROUP BY holder.class, refs.name
ORDER BY sum(empty.size) DESC
LIMIT 20;

-- name: instance_variables
-- title: The instance variables of the objects of a class, as the dump has them
SELECT id, human(retained) AS retained, json_extract(dump_line(id), '$.ivs') AS variables
FROM objects
WHERE class = 'Gem::Specification'
ORDER BY objects.retained DESC
LIMIT 20;

-- name: allocation_sites
-- title: Where objects were allocated (if ObjectSpace.trace_object_allocations was on)
SELECT file || ':' || line AS place, class, count(*) AS objects, human(sum(size)) AS size
FROM objects
WHERE file IS NOT NULL
GROUP BY file, line, class
ORDER BY sum(objects.size) DESC
LIMIT 20;

-- name: generations
-- title: How many objects of each GC generation are left (if allocations were traced)
-- Generations that keep many objects long after they ended are where a leak began.
SELECT generation, count(*) AS objects, human(sum(size)) AS size
FROM objects
WHERE generation IS NOT NULL
GROUP BY generation
ORDER BY generation;

-- name: code_by_gem
-- title: How much compiled code each gem has
SELECT gem(file) AS gem, count(*) AS iseqs, human(sum(size)) AS size
FROM iseqs
GROUP BY gem(file)
ORDER BY sum(iseqs.size) DESC
LIMIT 20;

-- name: methods_by_class
-- title: The classes with the most methods
SELECT class, count(*) AS methods, sum(kind = 'ruby') AS in_ruby
FROM methods
GROUP BY class_id
ORDER BY methods DESC
LIMIT 20;

-- name: unreachable
-- title: What no root leads to, by class
SELECT class, count(*) AS objects, human(sum(size)) AS size
FROM objects
WHERE NOT reachable
GROUP BY class
ORDER BY sum(objects.size) DESC
LIMIT 20;

-- name: process
-- title: What the dump says of itself and its process
SELECT key, value FROM dump;
