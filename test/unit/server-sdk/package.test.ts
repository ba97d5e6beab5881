/** The package @trunkline/server as it is built: it loads, needs nothing, and is small. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { projectRoot } from '../../support/source-tree.ts';

const root = projectRoot();
/** Of everything that the package exports, in bytes: edge runtimes load it for each request. */
const gzipBytesMax = 8000;

describe('the package', () => {
  let folder: string;

  before(() => {
    mkdirSync(join(root, 'dist'), { recursive: true });
    folder = mkdtempSync(join(root, 'dist/server-package-'));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const options = ['-p', join(root, 'server-sdk'), '--outDir', folder];
    execFileSync(process.execPath, [tsc, ...options]);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  });

  after(() => rmSync(folder, { recursive: true }));

  test('it has no dependencies, and each module has its types', () => {
    const text = readFileSync(join(root, 'server-sdk/package.json'), 'utf8');
    // The file is the package's own.
    const manifest = JSON.parse(text) as Readonly<Record<string, unknown>>;
    assert.equal(manifest['dependencies'], undefined);
    assert.equal(manifest['sideEffects'], false);
    const names = readdirSync(folder);
    const modules = names.filter((name) => name.endsWith('.js'));
    assert.ok(modules.includes('index.js'));
    for (const name of modules) {
      assert.ok(names.includes(name.replace(/js$/, 'd.ts')), name);
      const code = readFileSync(join(folder, name), 'utf8');
      const imported = [...code.matchAll(/\bfrom '([^']+)'/g)].map(([, path = '']) => path);
      assert.ok(
        imported.every((path) => path.startsWith('./') && path.endsWith('.js')),
        name,
      );
    }
  });

  test('it loads, and exports what the README names', async () => {
    // What the module exports is looked at by name.
    const entry = (await import(pathToFileURL(join(folder, 'index.js')).href)) as object;
    assert.deepEqual(Object.keys(entry).toSorted(), [
      'Server',
      'ServerConnection',
      'ServerGroup',
      'ServerHub',
      'ServerUser',
      'TrunklineError',
      'createServer',
    ]);
  });

  test('it is within its budget, minified and compressed', async (t) => {
    const { outputFiles } = await build({
      entryPoints: [join(folder, 'index.js')],
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'neutral',
      target: 'es2022',
      write: false,
    });
    const [bundle] = outputFiles;
    assert.ok(bundle !== undefined);
    const bytes = gzipSync(bundle.contents, { level: 9 }).length;
    t.diagnostic(`@trunkline/server: ${bytes} of ${gzipBytesMax} bytes (gzip)`);
    assert.ok(bytes <= gzipBytesMax, `${bytes} bytes (gzip) are more than ${gzipBytesMax}`);
  });
});
