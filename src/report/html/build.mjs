// build.mjs DIR: bundles the page with the packages in DIR/node_modules, and prints it.
//
// The policy in its head lets run the one script and the one style that are in it, by their hashes, and nothing be
// fetched from anywhere.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const modules = resolve(process.argv[2], 'node_modules');
const esbuild = createRequire(join(modules, 'x.js'))('esbuild');

const { outputFiles } = await esbuild.build({
    entryPoints: [join(here, 'main.ts')],
    bundle: true, minify: true, write: false, outdir: 'page', format: 'iife', target: 'es2020', charset: 'utf8',
    legalComments: 'inline', nodePaths: [modules], logLevel: 'warning',
});
const text = (ending) => outputFiles.find((file) => file.path.endsWith(ending)).text.trim();
const hash = (content) => `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
// What would end the element cannot be in a script's string.
const script = text('.js').replaceAll('</script', '<\\/script'), style = text('.css');
const policy = `default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; ` +
    `script-src ${hash(script)}; style-src ${hash(style)}`;

const parts = { POLICY: policy, SCRIPT: script, STYLE: style };
process.stdout.write(readFileSync(join(here, 'page.html'), 'utf8').replace(/@(POLICY|SCRIPT|STYLE)@/g, (_, part) => parts[part]));
