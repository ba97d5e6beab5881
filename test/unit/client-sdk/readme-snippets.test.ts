/** Every snippet of the SDK's README compiles as an application's code would, and runs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createElement, type FunctionComponent } from 'react';
import { renderToString } from 'react-dom/server';
import type { Client, ConnectionState } from '../../../client-sdk/src/index.ts';
import { installClientPackage, type ClientPackage } from '../../support/client-package.ts';
import { projectRoot } from '../../support/source-tree.ts';
import { waitFor } from '../../support/wait.ts';
import { ReadmeWorld } from './readme-world.ts';

interface Snippet {
  /** The heading that it stands under; a second one there has a number. */
  readonly name: string;
  readonly text: string;
}

const root = projectRoot();
const snippets = snippetsOf(readFileSync(join(root, 'client-sdk/README.md'), 'utf8'));
/** The clients that snippets made; each test closes them. */
const tracked = `
import { createClient as make } from '@trunkline/client';
export * from '@trunkline/client';
export const clients = [];
export function createClient(options) {
  const client = make(options);
  clients.push(client);
  return client;
}
`;

function snippetsOf(readme: string): readonly Snippet[] {
  const found: Snippet[] = [];
  for (const part of readme.split(/^(?=#+ )/m)) {
    const heading = /^#+ (.*)$/m.exec(part)?.[1] ?? '';
    const texts = [...part.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
    for (const [index, text] of texts.entries()) {
      found.push({ name: index === 0 ? heading : `${heading} ${index + 1}`, text });
    }
  }
  return found;
}

/** What a snippet exports, as far as a test uses it. */
interface Exports {
  readonly client?: { readonly state: ConnectionState };
  readonly App?: FunctionComponent;
  readonly send?: (text: string) => Promise<void>;
  readonly onKey?: () => void;
  readonly markAsRead?: () => Promise<void>;
}

type Scenario = (world: ReadmeWorld, load: () => Promise<Exports>) => Promise<void>;

const hasLine = (world: ReadmeWorld, line: string): Promise<unknown> =>
  waitFor(() => world.lines.includes(line), { what: `"${line}" is printed` });

const untilConnected: Scenario = async (_world, load) => {
  const { client } = await load();
  await waitFor(() => client?.state === 'connected', { what: 'the client is connected' });
};

/** What is seen of snippets that run on; of all others, that they run to their end. */
const scenarios: Readonly<Record<string, Scenario>> = {
  Start: async (world, load) => {
    await load();
    await hasLine(world, 'anna {"text":"hello"}');
  },
  'Start 2': untilConnected,
  Tokens: untilConnected,
  Following: async (world, load) => {
    await load();
    assert.ok(world.lines.includes('0 false'));
  },
  Connection: async (world, load) => {
    await load();
    await waitFor(() => world.lines.some((line) => line.startsWith('connecting greeted')), {
      what: 'the state was printed',
    });
  },
  React: async (_world, load) => {
    const { App } = await load();
    assert.ok(App !== undefined);
    assert.match(renderToString(createElement(App)), /<main title="idle">.*say hello/);
  },
  'Load the state, then follow it without a gap': async (world, load) => {
    const room = world.client('ben').group('room.1');
    const { position } = await room.publish('a');
    await room.publish('b');
    world.answers.set('/boards/1', { cards: ['a'], position });
    await load();
    await hasLine(world, 'a, b');
    await room.publish('c');
    await hasLine(world, 'a, b, c');
  },
  'Show a message before it is sent': async (world, load) => {
    const { send } = await load();
    await hasLine(world, 'hello (sending)');
    await hasLine(world, 'hello (sent)');
    await send?.('again');
    await hasLine(world, 'hello (sent), again (sent)');
  },
  'Who is typing': async (world, load) => {
    const typing = world.client('ben').group('typing.1');
    const heard: unknown[] = [];
    typing.on('message', ({ fromUserId }) => {
      if (fromUserId === 'anna') heard.push(fromUserId);
    });
    await waitFor(() => typing.state === 'live', { what: 'ben has joined' });
    const { onKey } = await load();
    onKey?.();
    onKey?.();
    await waitFor(() => heard.length > 0, { what: 'ben knows that anna types' });
    // A group without a stream: what is published before the snippet has joined is not heard.
    await waitFor(
      async () => {
        await typing.publish({}, { noEcho: true });
        return world.lines.includes('typing: ben');
      },
      { what: 'anna knows that ben types' },
    );
    await hasLine(world, 'typing: ');
    assert.deepEqual(heard, ['anna']);
  },
  'Unread counts': async (world, load) => {
    const room = world.client('ben').group('room.1');
    const { position } = await room.publish('read');
    world.answers.set('/rooms/1/mark', position);
    await room.publish('new');
    const { position: last } = await room.publish('newer');
    const { markAsRead } = await load();
    await hasLine(world, 'unread: 2');
    await markAsRead?.();
    const mark = world.received.get('/rooms/1/mark') ?? '';
    assert.deepEqual(JSON.parse(mark), last);
    assert.equal(await world.sendToAnna({ read: last }), 202);
    await hasLine(world, 'unread: 0');
  },
};

describe('the SDK README: snippets', () => {
  let installed: ClientPackage;
  let clients: Client[];

  before(async () => {
    installed = installClientPackage();
    const { folder } = installed;
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    for (const [index, { text }] of snippets.entries()) {
      writeFileSync(join(folder, `snippet-${index}.ts`), text);
    }
    writeFileSync(join(folder, 'tracked.js'), tracked);
    // What the file above exports.
    const module = (await import(pathToFileURL(join(folder, 'tracked.js')).href)) as {
      clients: Client[];
    };
    ({ clients } = module);
  });

  after(() => installed.remove());

  test('readme: every snippet compiles, as an application would compile it', () => {
    const compilerOptions = {
      ...{ target: 'es2022', lib: ['es2022', 'dom'], module: 'nodenext', types: ['node'] },
      ...{ strict: true, skipLibCheck: true, outDir: 'out', rootDir: '.' },
    };
    const { folder } = installed;
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

  test('readme: every scenario has its snippet', () => {
    const names = snippets.map(({ name }) => name);
    assert.ok(names.length >= 15);
    assert.equal(new Set(names).size, names.length);
    for (const name of Object.keys(scenarios)) assert.ok(names.includes(name), name);
  });

  for (const [index, { name }] of snippets.entries()) {
    test(`readme: it runs: ${name}`, async (t) => {
      const world = await ReadmeWorld.start(t);
      t.after(() => {
        for (const client of clients.splice(0)) client.close();
      });
      const load = async (): Promise<Exports> => {
        const file = join(installed.folder, `out/snippet-${index}.js`);
        const text = readFileSync(file, 'utf8')
          .replace("'@trunkline/client'", "'../tracked.js'")
          .replaceAll('wss://realtime.example.com', world.gateway.wsUrl);
        writeFileSync(file, text);
        // Snippets export what somebody would use of them.
        return (await import(pathToFileURL(file).href)) as Exports;
      };
      await (scenarios[name] ?? ((_world, run) => run().then(() => undefined)))(world, load);
      assert.deepEqual(world.complaints, []);
    });
  }
});
