/** The package @trunkline/client as it is built: it loads, needs nothing, and can be taken apart. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { bundled, installClientPackage, type ClientPackage } from '../../support/client-package.ts';

/** Packages that a part of ours imports: whoever wants the part brings them. */
const peersOf: Readonly<Record<string, readonly string[]>> = { react: ['react'] };
const exported = [
  'Channel',
  'Client',
  'Group',
  'TrunklineError',
  'UnauthorizedError',
  'createClient',
];

/** The package's own manifest. */
interface Manifest {
  readonly dependencies?: unknown;
  readonly sideEffects?: unknown;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

describe('the package', () => {
  let client: ClientPackage;
  let manifest: Manifest;

  before(() => {
    client = installClientPackage();
    const text = readFileSync(join(client.packageFolder, 'package.json'), 'utf8');
    manifest = JSON.parse(text) as Manifest;
  });

  after(() => client.remove());

  test('package: it has no dependencies, and each module has its types', () => {
    assert.equal(manifest.dependencies, undefined);
    assert.equal(manifest.sideEffects, false);
    const dist = join(client.packageFolder, 'dist');
    const names = readdirSync(dist, { recursive: true, encoding: 'utf8' });
    const modules = names.filter((name) => /(?<!\.min)\.js$/.test(name));
    assert.ok(modules.includes('index.js'));
    for (const name of modules) {
      assert.ok(names.includes(name.replace(/js$/, 'd.ts')), name);
      const code = readFileSync(join(dist, name), 'utf8');
      const peers = peersOf[name.split('/')[0] ?? ''] ?? [];
      for (const [, path = ''] of code.matchAll(/\bfrom '([^']+)'/g)) {
        assert.ok(/^\.\.?\/.*\.js$/.test(path) || peers.includes(path), `${name}: ${path}`);
      }
    }
  });

  test('package: every file that it exports is there', () => {
    const files = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    assert.ok(files.length > 2);
    for (const file of files) assert.ok(existsSync(join(client.packageFolder, file)), file);
  });

  test('package: it loads without a browser, and exports what the README names', async () => {
    const require = createRequire(join(client.folder, 'application.js'));
    const file = require.resolve('@trunkline/client');
    // What the module exports is looked at by name.
    const entry = (await import(pathToFileURL(file).href)) as object;
    assert.deepEqual(Object.keys(entry).toSorted(), exported);
  });

  test('package: the script for script tags needs no modules and has everything in one global', () => {
    const code = readFileSync(join(client.packageFolder, 'dist/trunkline.min.js'), 'utf8');
    const context = createContext({ URL });
    runInContext(code, context);
    const names = 'JSON.stringify(Object.keys(Trunkline).sort())';
    assert.deepEqual(JSON.parse(String(runInContext(names, context))), exported);
    const made = 'new Trunkline.UnauthorizedError("signed out").message';
    assert.equal(runInContext(made, context), 'signed out');
  });

  test('package: a bundler leaves out what is not used', async () => {
    const sizeOf = async (code: string): Promise<number> =>
      gzipSync(await bundled(client.folder, code)).length;
    const core = await sizeOf("export { createClient } from '@trunkline/client';");
    const errors = await sizeOf("export { UnauthorizedError } from '@trunkline/client';");
    const nothing = await sizeOf("import '@trunkline/client';");
    assert.ok(core > 5000, `createClient: ${core} bytes`);
    assert.ok(errors < 250, `UnauthorizedError: ${errors} bytes`);
    assert.ok(nothing < 50, `nothing: ${nothing} bytes`);
  });
});
