/** The reference of the client SDK is what its types say. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../../support/source-tree.ts';

test('reference: client-sdk/REFERENCE.md is up to date, and has every entry', (t) => {
  const root = projectRoot();
  mkdirSync(join(root, 'dist'), { recursive: true });
  const folder = mkdtempSync(join(root, 'dist/reference-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'REFERENCE.md');
  execFileSync(process.execPath, [join(root, 'scripts/client-reference.js'), file]);
  const made = readFileSync(file, 'utf8');
  const kept = readFileSync(join(root, 'client-sdk/REFERENCE.md'), 'utf8');
  // Not assert.equal: the difference of two such texts helps nobody.
  assert.ok(made === kept, 'the types have changed: npm run reference');
  const headings = [...made.matchAll(/^## (.*)$/gm)].map(([, name]) => name);
  // The package's own manifest.
  const { exports } = JSON.parse(readFileSync(join(root, 'client-sdk/package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, unknown>>;
  };
  const entries = Object.entries(exports).filter(([, entry]) => typeof entry === 'object');
  assert.deepEqual(
    headings,
    entries.map(([path]) => path.replace(/^\./, '@trunkline/client')),
  );
  assert.match(made, /^### createClient\n\nA client that connects at once/m);
  assert.match(made, /`readonly queueBytesMax\?: number \| undefined;`<br>Their characters/);
});
