/** `node scripts/settings-docs.js`: writes the table of settings into docs/CONFIGURATION.md. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../docs/CONFIGURATION.md', import.meta.url);
const table = execFileSync(process.execPath, ['bin/trunkline.js', 'config', '--docs'], {
  cwd: new URL('..', import.meta.url),
  encoding: 'utf8',
});
const [start, end] = ['<!-- prettier-ignore-start -->', '<!-- prettier-ignore-end -->'];
const text = readFileSync(file, 'utf8');
const before = text.slice(0, text.indexOf(start) + start.length);
const after = text.slice(text.indexOf(end));
writeFileSync(file, `${before}\n\n${table.trim()}\n\n${after}`);
