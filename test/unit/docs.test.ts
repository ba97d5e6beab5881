/** Holds the documents against the code: links, tables, decisions, and the lockfile's completeness. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { errorTable } from '../../gateway/errors.ts';
import { limitTable } from '../../gateway/limits.ts';
import { closeCodes } from '../../gateway/protocol/close-codes.ts';
import { TrunklineJsonCodec } from '../../gateway/protocol/trunkline-json.ts';
import { TrunklineMsgpackCodec } from '../../gateway/protocol/trunkline-msgpack.ts';
import { relativeLinks, tableRows } from '../support/markdown.ts';
import { readVectors } from '../support/protocol-vectors.ts';
import { filesUnder, projectRoot } from '../support/source-tree.ts';

const root = projectRoot();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface LockEntry {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Only the fields that the tests look at; both files are npm's. */
const packageJson = JSON.parse(read('package.json')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};
const lock = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<Record<string, LockEntry>>;
};

const decisions = readdirSync(join(root, 'docs/decisions')).filter((name) => /^\d/.test(name));

describe('docs', () => {
  test('links: every relative link leads to a file', () => {
    const pages = [
      ...readdirSync(root)
        .filter((name) => name.endsWith('.md'))
        .map((name) => join(root, name)),
      ...['docs', 'examples', 'deploy', 'bench', 'client-sdk', 'server-sdk'].flatMap((folder) =>
        filesUnder(join(root, folder), '.md'),
      ),
    ];
    const dead = pages.flatMap((page) =>
      relativeLinks(readFileSync(page, 'utf8'))
        .filter((target) => !existsSync(join(dirname(page), target)))
        .map((target) => `${relative(root, page)} links to ${target}`),
    );
    assert.ok(pages.length > 5);
    assert.deepEqual(dead, []);
  });

  test('close codes: PROTOCOL.md has those of the code, and no others', () => {
    const rows = tableRows(read('docs/PROTOCOL.md'), ['code', 'name']);
    const printed = rows.map(([code, name]) => [name, Number(code)]);
    assert.deepEqual(Object.fromEntries(printed), { ...closeCodes });
  });

  test('bounds: PROTOCOL.md and OPERATIONS.md name no bound that does not exist', () => {
    const rows = tableRows(read('docs/PROTOCOL.md'), ['bound', 'default']);
    const named = [
      ...rows.map(([name = '']) => name),
      ...[...read('docs/OPERATIONS.md').matchAll(/`([a-z]+\w*(?:Max|Ms|Seconds|Reserved))`/g)].map(
        ([, name = '']) => name,
      ),
    ];
    assert.ok(named.length > 10);
    assert.deepEqual(
      named.filter((name) => !Object.hasOwn(limitTable, name)),
      [],
    );
  });

  test('bounds: the defaults in PROTOCOL.md are those of the code', () => {
    for (const [name = '', text = ''] of tableRows(read('docs/PROTOCOL.md'), [
      'bound',
      'default',
    ])) {
      const spec = Object.entries(limitTable).find(([limit]) => limit === name)?.[1];
      assert.equal(inUnitOf(name, text), spec?.default, name);
    }
  });

  test('message types: PROTOCOL.md has those of our own subprotocols, and no others', () => {
    const page = read('docs/PROTOCOL.md');
    const described = (title: string): string[] => typesUnder(page, title);
    assert.deepEqual(described('4.2 From the client'), [...sentByClients()].toSorted());
    assert.deepEqual(described('4.3 From the gateway'), [...sentByGateway()].toSorted());
  });

  test('errors: OPERATIONS.md has those of the code, in its order', () => {
    const header = ['code', 'status', 'who acts', 'retry', 'what to do'];
    const rows = tableRows(read('docs/OPERATIONS.md'), header);
    const printed = rows.map(([code, status, actor, retry]) => [code, status, actor, retry]);
    const expected = Object.entries(errorTable).map(([code, { actor, retry, status }]) => [
      code,
      String(status),
      actor,
      retry ? 'yes' : 'no',
    ]);
    assert.deepEqual(printed, expected);
    assert.ok(rows.every((cells) => (cells[4] ?? '') !== ''));
  });

  test('decisions: numbered from 1 without a hole', () => {
    const numbers = decisions.map((name) => Number(name.slice(0, 4))).sort((a, b) => a - b);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    );
  });

  test('decisions: each has a date and the parts that a decision has', () => {
    for (const name of decisions) {
      const text = read(`docs/decisions/${name}`);
      for (const part of [/^# \d+[.:] /m, /\d{4}-\d\d-\d\d/, /^## Context/m, /^## Decision/m]) {
        assert.match(text, part, name);
      }
    }
  });

  test('dependencies: a decision names each runtime dependency', () => {
    const text = decisions.map((name) => read(`docs/decisions/${name}`)).join('\n');
    const unnamed = Object.keys(packageJson.dependencies).filter((name) => !text.includes(name));
    assert.deepEqual(unnamed, []);
  });

  test('dependencies: every version is exact', () => {
    const all = { ...packageJson.dependencies, ...packageJson.devDependencies };
    const loose = Object.entries(all).filter(
      ([, version]) => !/^(?:npm:@?[\w/-]+@)?\d+\.\d+\.\d+$/.test(version),
    );
    assert.deepEqual(loose, []);
  });

  test('lockfile: it has the packages of every platform (node scripts/complete-lock.js)', () => {
    const versions = new Set(
      Object.entries(lock.packages).map(
        ([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`,
      ),
    );
    const missing = Object.values(lock.packages)
      .flatMap(({ optionalDependencies }) => Object.entries(optionalDependencies ?? {}))
      .filter(([, version]) => /^\d/.test(version))
      .map(([name, version]) => `${name}@${version}`)
      .filter((wanted) => !versions.has(wanted));
    assert.deepEqual(missing, []);
  });
});

/** Names of the headings that begin with a type, in the section of that title, each once, sorted. */
function typesUnder(page: string, title: string): string[] {
  const start = page.indexOf(`### ${title}\n`);
  assert.notEqual(start, -1, title);
  const section = page.slice(start).split(/\n#{2,3} /)[0] ?? '';
  const names = [...section.matchAll(/^#### `(\w+)`/gm)].map(([, name = '']) => name);
  return Array.from(new Set(names)).toSorted();
}

function sentByClients(): readonly string[] {
  const limits = { jsonDepthMax: 64, nameLengthMax: 1024, metadataBytesMax: 8192 };
  const { types } = new TrunklineJsonCodec(limits);
  assert.deepEqual(types, new TrunklineMsgpackCodec(limits).types);
  return types;
}

/** The vectors have every reply; that they are what the encoder writes is another test. */
function sentByGateway(): ReadonlySet<string> {
  const { messages, replies } = readVectors('trunkline-v1-json.json');
  const frames = [
    ...[...messages, ...replies].map(({ frame = '' }) => frame),
    ...messages.flatMap(({ skip }) => skip ?? []),
  ];
  // The frames are those of our own vectors.
  return new Set(frames.map((frame) => (JSON.parse(frame) as { readonly type: string }).type));
}

/** The number that a bound's text means, in the unit that the bound's name ends in. */
function inUnitOf(name: string, text: string): number {
  const [number = '', unit = ''] = text.replaceAll(',', '').split(' ');
  const factors: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024 };
  const isMs = name.includes('Ms') && unit === 's';
  return Number(number) * (factors[unit] ?? 1) * (isMs ? 1000 : 1);
}

describe('markdown', () => {
  test('tableRows: the table with that header, until the first line that is none', () => {
    const text = 'x\n\n| a | b |\n| --- | --- |\n| `1` | 2 |\n| 3 | 4 |\n\n| 5 | 6 |\n';
    assert.deepEqual(tableRows(text, ['a', 'b']), [
      ['1', '2'],
      ['3', '4'],
    ]);
    assert.deepEqual(tableRows(text, ['b']), []);
  });

  test('relativeLinks: without fragments, other sites and code', () => {
    const text = '[a](b.md#c) [d](https://e.example) [f](#g)\n```\n[h](i.md)\n```\n`[j](k.md)`';
    assert.deepEqual(relativeLinks(text), ['b.md']);
  });
});
