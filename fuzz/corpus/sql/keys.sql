SELECT * FROM objects WHERE id = 4096 OR class = 'Node' OR type IN ('T_STRING', 1, NULL, x'00')
