/** The package @trunkline/server as it is built: it loads, needs nothing, and is small. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { projectRoot } from '../../support/source-tree.ts';

const root = projectRoot();
/** Of everything that the package exports, in bytes: edge runtimes load it for each request. */
const gzipBytesMax = 8000;

describe('the server package', () => {
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

  async function bundled(format: 'esm' | 'iife'): Promise<Uint8Array> {
    const { outputFiles } = await build({
      entryPoints: [join(folder, 'index.js')],
      bundle: true,
      minify: true,
      format,
      globalName: 'Trunkline',
      platform: 'neutral',
      target: 'es2022',
      write: false,
    });
    return outputFiles[0]?.contents ?? new Uint8Array();
  }

  test('it is within its budget, minified and compressed', async (t) => {
    const bytes = gzipSync(await bundled('esm'), { level: 9 }).length;
    t.diagnostic(`@trunkline/server: ${bytes} of ${gzipBytesMax} bytes (gzip)`);
    assert.ok(bytes > 1000);
    assert.ok(bytes <= gzipBytesMax, `${bytes} bytes (gzip) are more than ${gzipBytesMax}`);
  });

  test('it runs where there is nothing but the globals of the web, as on edge runtimes', async () => {
    const urls: string[] = [];
    const headers = new Headers({ 'x-trunkline-publication-id': 'r.1' });
    const answer = { status: 202, headers, text: () => Promise.resolve('') };
    const context = createContext({
      AbortController,
      TextEncoder,
      URL,
      atob,
      btoa,
      clearTimeout,
      crypto,
      fetch: (url: string) => {
        urls.push(url);
        return Promise.resolve(answer);
      },
      performance,
      setTimeout,
    });
    runInContext(Buffer.from(await bundled('iife')).toString(), context);
    const options = "{ hub: 'chat', endpoint: 'https://gateway.example', accessKey: 'k' }";
    const code = `Trunkline.createServer(${options}).group('g').publish(new Uint8Array([1]))`;
    // It resolves as a publish does.
    const { id } = (await runInContext(code, context)) as { readonly id: string };
    assert.equal(id, 'r.1');
    assert.deepEqual(urls, ['https://gateway.example/api/hubs/chat/groups/g/%3Asend']);
  });
});
