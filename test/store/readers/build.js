// Bundles a reader that is written against sources: `node build.js devtools.ts OUT`. DevTools' list of languages is made by its own
// build; English is enough here. Node 18 lacks two functions that its sources use.
import * as esbuild from 'esbuild';

const languages = {name: 'languages', setup(build) {
  build.onResolve({filter: /\/locales\.js$/}, args => ({path: args.path, namespace: 'languages'}));
  build.onLoad({filter: /.*/, namespace: 'languages'}, () => ({contents: `
    export const LOCALES = ['en-US'], BUNDLED_LOCALES = ['en-US'], DEFAULT_LOCALE = 'en-US';
    export const REMOTE_FETCH_PATTERN = '', LOCAL_FETCH_PATTERN = '';`}));
}};
const missing = `
  Promise.withResolvers ??= function () {
    const parts = {};
    parts.promise = new Promise((resolve, reject) => Object.assign(parts, {resolve, reject}));
    return parts;
  };
  Array.prototype.toSorted ??= function (compare) { return [...this].sort(compare); };`;
await esbuild.build({entryPoints: [process.argv[2]], outfile: process.argv[3], bundle: true, platform: 'node', format: 'esm',
                     logLevel: 'error', banner: {js: missing}, plugins: [languages]});
