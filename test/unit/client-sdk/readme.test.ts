/** Holds the SDK's README against the code: its tables, and every snippet. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { comebacks } from '../../../client-sdk/src/close-codes.ts';
import { connectionTransitions } from '../../../client-sdk/src/connection-states.ts';
import { defaults } from '../../../client-sdk/src/options.ts';
import { subscriptionTransitions } from '../../../client-sdk/src/subscription-states.ts';
import { signClientToken } from '../../../gateway/tokens/sign.ts';
import { installClientPackage, type ClientPackage } from '../../support/client-package.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { tableRows } from '../../support/markdown.ts';
import { projectRoot } from '../../support/source-tree.ts';
import { waitFor } from '../../support/wait.ts';

const root = projectRoot();
const readme = readFileSync(join(root, 'client-sdk/README.md'), 'utf8');
const snippets = [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);

type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

function rowsOf(table: Table): string[][] {
  return Object.entries(table).flatMap(([state, ways]) =>
    Object.entries(ways).map(([reason, next]) => [state, reason, next]),
  );
}

describe('the SDK README: tables', () => {
  test('states: those of both machines, in their order', () => {
    const header = ['state', 'reason', 'next state'];
    const second = readme.slice(readme.indexOf('## Connection'));
    const cut = (rows: readonly (readonly string[])[]): string[][] =>
      rows.map((cells) => cells.slice(0, 3));
    assert.deepEqual(cut(tableRows(readme, header)), rowsOf(subscriptionTransitions));
    assert.deepEqual(cut(tableRows(second, header)), rowsOf(connectionTransitions));
  });

  test('options: every one, with its default', () => {
    const rows = tableRows(readme, ['option', 'default']);
    const numbers = rows
      .filter(([, value = '']) => /^\d/.test(value))
      .map(([name, value = '']) => [name, Number(value.replaceAll(',', ''))]);
    assert.deepEqual(Object.fromEntries(numbers), defaults);
    assert.deepEqual(
      rows.map(([name = '']) => name).toSorted(),
      membersOf('options', 'ClientOptions'),
    );
  });

  test('errors: every code', () => {
    const source = readFileSync(join(root, 'client-sdk/src/errors.ts'), 'utf8');
    const union = /type ErrorCode =([\s\S]*?);/.exec(source)?.[1] ?? '';
    assert.deepEqual(
      tableRows(readme, ['code', 'what happened']).map(([code]) => code),
      [...union.matchAll(/'([\w-]+)'/g)].map(([, code]) => code),
    );
  });

  test('close codes: those that are final, and those that are answered at once', () => {
    const of = (kind: string): string[] =>
      Object.entries(comebacks)
        .filter(([, comeback]) => comeback === kind)
        .map(([code]) => code);
    const codes = (pattern: RegExp): string[] =>
      (pattern.exec(readme.replaceAll('\n', ' '))?.[1] ?? '').match(/\d+/g) ?? [];
    assert.deepEqual(codes(/Close codes ([\d, and]+) are answered/), of('now'));
    assert.deepEqual(codes(/at once; ([\d, and]+) are final/), of('stop'));
  });
});

function membersOf(file: string, name: string): string[] {
  const source = readFileSync(join(root, `client-sdk/src/${file}.ts`), 'utf8');
  const body = new RegExp(`interface ${name}.*?\\{([\\s\\S]*?)^\\}`, 'm').exec(source)?.[1] ?? '';
  return [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, member = '']) => member).toSorted();
}

describe('the SDK README: snippets', () => {
  let installed: ClientPackage;
  let folder: string;

  before(() => {
    installed = installClientPackage();
    folder = installed.folder;
  });

  after(() => installed.remove());

  test('every one compiles, as an application would compile it', () => {
    assert.ok(snippets.length >= 6);
    for (const [index, text] of snippets.entries()) {
      writeFileSync(join(folder, `snippet-${index}.ts`), text);
    }
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
  });

  test('the start runs: it publishes, and gets what it published', async (t) => {
    const gateway = await startTestGateway({ publicEndpoints: ['http://gateway.example'] });
    t.after(() => gateway.stop());
    const token = signClientToken({
      accessKey: gateway.accessKey,
      endpoint: 'http://gateway.example',
      hub: 'chat',
      userId: 'anna',
      roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
    });
    const lines: unknown[][] = [];
    t.mock.method(console, 'log', (...line: unknown[]) => lines.push(line));
    t.mock.method(globalThis, 'fetch', () => Promise.resolve(new Response(token)));
    const given = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
    Object.defineProperty(globalThis, 'WebSocket', { value: WebSocket, configurable: true });
    t.after(() => {
      if (given === undefined) Reflect.deleteProperty(globalThis, 'WebSocket');
      else Object.defineProperty(globalThis, 'WebSocket', given);
    });
    const compiled = readFileSync(join(folder, 'out/snippet-0.js'), 'utf8').replace(
      'wss://realtime.example.com',
      gateway.wsUrl,
    );
    const file = join(folder, 'start.js');
    writeFileSync(file, `${compiled}\nexport { client };\n`);
    // The snippet's client, exported by the line above.
    const { client } = (await import(pathToFileURL(file).href)) as { client: { close(): void } };
    t.after(() => client.close());
    await waitFor(() => lines.length > 0, { what: 'the message came back' });
    assert.deepEqual(lines, [['anna', { text: 'hello' }]]);
  });
});
