// Says whether a file fits speedscope's published schema: `node schema.js FILE OUT` writes "valid" or what is wrong.
import Ajv from 'ajv';
import fs from 'node:fs';

const read = path => JSON.parse(fs.readFileSync(path, 'utf8'));
const ajv = new Ajv({strict: false});
const fits = ajv.compile(read(new URL('node_modules/speedscope/dist/release/file-format-schema.json', import.meta.url)));
fs.writeFileSync(process.argv[3], fits(read(process.argv[2])) ? 'valid' : ajv.errorsText(fits.errors));
