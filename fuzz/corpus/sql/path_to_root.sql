SELECT step, name, hex_id(id) AS hex, label, human(retained) AS retained
FROM path((SELECT id FROM objects WHERE type = 'T_STRING' AND reachable ORDER BY size DESC LIMIT 1));
