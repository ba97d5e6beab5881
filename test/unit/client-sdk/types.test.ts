/** Planted mistakes against a schema: an application's compiler refuses each one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { installClientPackage, type ClientPackage } from '../../support/client-package.ts';
import { projectRoot } from '../../support/source-tree.ts';

const preamble = `
import { createClient, type Position } from '@trunkline/client';
import { hooksFor } from '@trunkline/client/react';
interface Schema {
  'room.{id}': { text: string };
  'board.{id}.cursors': { x: number };
  '@user': { unread: number };
}
const client = createClient<Schema>({ url: 'wss://example.com/client/hubs/h', getToken: () => '' });
const hooks = hooksFor<Schema>();
const room = client.group('room.1');
declare const position: Position;
`;

/** Each of them has one fault, at its end. */
const mistakes: Readonly<Record<string, string>> = {
  'a property is missing': 'room.publish({});',
  'a property has another type': 'room.publish({ text: 1 });',
  'a property is unknown': "room.publish({ text: 'a', txet: 'b' });",
  'the payload of another group': 'room.publish({ x: 1 });',
  'no such group': "client.group('rooms.1');",
  'half a name': "client.group('board.1');",
  'the user is no group': "client.group('@user');",
  'no such property in a message': "room.on('message', ({ data }) => data.x);",
  'no such event': "room.on('messages', () => undefined);",
  'the user has another payload': "client.user().on('message', ({ data }) => data.text);",
  'no such option of publish': "room.publish({ text: 'a' }, { noecho: true });",
  'a place is no number': "client.group('room.1', { since: 5 });",
  'the place is not to be set': 'room.position = position;',
  'history has other messages':
    'const rows: { x: number }[] = (await room.history()).messages.map(({ data }) => data);',
  'a validator of something else':
    "createClient<Schema>({ url: '', getToken: () => '', validators: { 'room.{id}': { '~standard': { version: 1, vendor: 'v', validate: () => ({ value: { x: 1 } }) } } } });",
  'no token': "createClient<Schema>({ url: '' });",
  'a hook of no group': "export const a = () => hooks.useGroup('rooms.1');",
  'a hook with another payload':
    "export const b = () => hooks.useGroup('room.1').publish({ x: 1 });",
  'a listener of another payload':
    "export const c = () => hooks.useMessages('room.1', ({ data }) => data.x);",
};

describe('types', () => {
  let client: ClientPackage;

  before(() => {
    client = installClientPackage();
  });

  after(() => client.remove());

  test('types: every planted mistake is refused, and what is right is not', () => {
    const right = "await room.publish({ text: 'a' }, { noEcho: true });\n";
    writeFileSync(join(client.folder, 'right.ts'), preamble + right);
    const entries = Object.entries(mistakes);
    for (const [index, [, mistake]] of entries.entries()) {
      const text = `${preamble}${right}${mistake}\n`;
      writeFileSync(join(client.folder, `mistake-${index}.ts`), text);
    }
    const compilerOptions = {
      ...{ target: 'es2022', lib: ['es2022', 'dom'], module: 'nodenext', types: [] },
      ...{ strict: true, skipLibCheck: true, noEmit: true },
    };
    writeFileSync(join(client.folder, 'package.json'), '{"type":"module"}');
    writeFileSync(
      join(client.folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['*.ts'] }),
    );
    const tsc = join(projectRoot(), 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', client.folder], {
      encoding: 'utf8',
      cwd: client.folder,
    });
    const found = [...stdout.matchAll(/^(\S+)\.ts\((\d+),\d+\): error /gm)].map(
      ([, file, line]) => `${file}:${line}`,
    );
    const line = (preamble + right).split('\n').length;
    const expected = entries.map((_, index) => `mistake-${index}:${line}`);
    assert.deepEqual(found.toSorted(), expected.toSorted(), stdout);
  });
});
