/** Holds the SDK's README against the code: its tables. Its snippets have a test of their own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { comebacks } from '../../../client-sdk/src/close-codes.ts';
import { connectionTransitions } from '../../../client-sdk/src/connection-states.ts';
import { defaults } from '../../../client-sdk/src/options.ts';
import { subscriptionTransitions } from '../../../client-sdk/src/subscription-states.ts';
import { tableRows } from '../../support/markdown.ts';
import { projectRoot } from '../../support/source-tree.ts';

const root = projectRoot();
const readme = readFileSync(join(root, 'client-sdk/README.md'), 'utf8');

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
