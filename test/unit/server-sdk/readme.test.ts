/** Holds the server SDK's README against the code: its tables, and every snippet. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, describe, test } from 'node:test';
import { createServer } from '../../../server-sdk/src/index.ts';
import { defaults } from '../../../server-sdk/src/options.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { tableRows } from '../../support/markdown.ts';
import { projectRoot } from '../../support/source-tree.ts';

const root = projectRoot();
const readme = readFileSync(join(root, 'server-sdk/README.md'), 'utf8');
const snippets = [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
const entry = join(root, 'dist/server-sdk/src/index.js');
const source = (name: string): string =>
  readFileSync(join(root, `server-sdk/src/${name}.ts`), 'utf8');

describe('the server SDK README: tables', () => {
  test('options: every one, with its default', () => {
    const rows = tableRows(readme, ['option', 'default']);
    const numbers = rows
      .filter(([, value = '']) => /^\d/.test(value))
      .map(([name, value = '']) => [name, Number(value.replaceAll(',', ''))]);
    assert.deepEqual(Object.fromEntries(numbers), defaults);
    const body = /interface ServerOptions.*?\{([\s\S]*?)^\}/m.exec(source('options'))?.[1] ?? '';
    assert.deepEqual(
      rows.map(([name = '']) => name).toSorted(),
      [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, member = '']) => member).toSorted(),
    );
  });

  test('errors: every code of its own', () => {
    const union = /type OwnErrorCode =([\s\S]*?);/.exec(source('errors'))?.[1] ?? '';
    const codes = tableRows(readme, ['code', 'what happened']).map(([code]) => code);
    assert.deepEqual(codes, [
      ...[...union.matchAll(/'([\w-]+)'/g)].map(([, code]) => code),
      'others',
    ]);
  });

  test('objects: every method of each', () => {
    const server = createServer({ hub: 'h', endpoint: 'http://h', accessKey: 'k' });
    const objects = [server.group('g'), server.user('u'), server.connection('c'), server.all];
    const printed = tableRows(readme, ['object', 'publishes']).map(([, ...cells]) =>
      cells.flatMap((cell) => cell.match(/\w+/g) ?? []).toSorted(),
    );
    assert.deepEqual(printed, objects.map(methodsOf));
  });
});

/** Names of the methods of an object, those of the classes that its own extends included. */
function methodsOf(object: object): string[] {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (typeof prototype !== 'object' || prototype === null || prototype === Object.prototype) {
    return [];
  }
  const own = Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
  return [...own, ...methodsOf(prototype)].toSorted();
}

describe('the server SDK README: snippets', () => {
  mkdirSync(join(root, 'dist'), { recursive: true });
  const folder = mkdtempSync(join(root, 'dist/server-readme-'));
  after(() => rmSync(folder, { recursive: true }));

  test('every one compiles, and runs against a gateway', async (t) => {
    assert.ok(snippets.length >= 6);
    const gateway = await startTestGateway({
      hubs: { chat: { streams: [{ match: 'group:room.*', retention: 'short' }] } },
      retention: { short: { messages: 100, seconds: 600, bytes: 1_000_000 } },
    });
    t.after(() => gateway.stop());
    for (const [index, text] of snippets.entries()) {
      writeFileSync(join(folder, `snippet-${index}.ts`), text);
    }
    compile();
    const { accessKey, connectionString, url } = gateway;
    setForTest(t, {
      TRUNKLINE_ACCESS_KEY: accessKey,
      TRUNKLINE_CONNECTION_STRING: connectionString,
    });
    const lines: unknown[][] = [];
    t.mock.method(console, 'log', (...line: unknown[]) => lines.push(line));
    for (const index of snippets.keys()) {
      const file = join(folder, 'out', `snippet-${index}.js`);
      const compiled = readFileSync(file, 'utf8')
        .replace('@trunkline/server', pathToFileURL(entry).href)
        .replace('https://realtime.example.com', url);
      writeFileSync(file, compiled);
      await import(pathToFileURL(file).href);
    }
    assert.deepEqual(lines[0], [`${gateway.wsUrl}/client/hubs/chat`, 3]);
    // The second snippet: everything in the batch was accepted.
    assert.equal(lines[1]?.[2], false);
    assert.deepEqual(lines[2]?.[0], { text: 'one' });
    assert.deepEqual(gateway.errors, []);
  });

  function compile(): void {
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2022', 'dom'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      noEmit: false,
      outDir: 'out',
      rootDir: '.',
      skipLibCheck: true,
      paths: { '@trunkline/server': [entry.replace(/js$/, 'd.ts')] },
    };
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['*.ts'] }),
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    try {
      execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    } catch (error) {
      // Of the compiler, which says on its output what is wrong.
      assert.fail((error as { readonly stdout: string }).stdout);
    }
  }
});

function setForTest(
  t: { readonly after: (undo: () => void) => void },
  variables: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(variables)) {
    process.env[name] = value;
    t.after(() => {
      delete process.env[name];
    });
  }
}
