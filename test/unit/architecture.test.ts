/** Holds the sources to the project's own rules, and shows that each rule can be broken. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ambientTimeOrChance,
  filesWithoutOpening,
  filesWithoutUnitTest,
  forbiddenText,
  longFiles,
  unexplainedAssertions,
} from '../support/file-rules.ts';
import {
  eagerAdapters,
  forbiddenImports,
  forbiddenPackages,
  importCycles,
} from '../support/import-rules.ts';
import { projectRoot, readSourceTree, type SourceFile } from '../support/source-tree.ts';

type Rule = (files: readonly SourceFile[]) => readonly string[];

const rules: Readonly<Record<string, Rule>> = {
  'only allowed imports': forbiddenImports,
  'only their owners import these packages': forbiddenPackages,
  'adapters are imported lazily': eagerAdapters,
  'no circle of imports': importCycles,
  'no file is too long': longFiles,
  'every file says what it is responsible for': filesWithoutOpening,
  'no forbidden word or construct': forbiddenText,
  'every type assertion is explained': unexplainedAssertions,
  'router and session take time and chance by constructor': ambientTimeOrChance,
};

const tree = readSourceTree(projectRoot());

describe('architecture', () => {
  test('the sources: all of them are read', () => {
    assert.ok(tree.length > 20, `only ${tree.length} sources found`);
    assert.ok(tree.some(({ path }) => path === 'gateway/errors.ts'));
  });

  for (const [name, rule] of Object.entries(rules)) {
    test(`the sources: ${name}`, () => {
      assert.deepEqual(rule(tree), []);
    });
  }

  test('the sources: files without a unit test are listed', (context) => {
    for (const path of filesWithoutUnitTest(tree)) context.diagnostic(`no unit test: ${path}`);
  });
});

/** A tree of one or more files that breaks a rule; the rule must name the file. */
const offenders: readonly (readonly [Rule, string, Readonly<Record<string, string>>])[] = [
  [
    forbiddenImports,
    'the protocol imports the session',
    { 'gateway/protocol/a.ts': "import { b } from '../session/b.ts';" },
  ],
  [
    forbiddenImports,
    'a backplane imports the gateway',
    { 'backplanes/redis/a.ts': "import type { A } from '../../gateway/errors.ts';" },
  ],
  [
    forbiddenImports,
    'the session imports http over several lines',
    { 'gateway/session/a.ts': "import {\n  b,\n  c,\n} from '../http/b.ts';" },
  ],
  [
    forbiddenImports,
    'http imports a class of the router',
    { 'gateway/http/a.ts': "import { Router } from '../router/router.ts';" },
  ],
  [
    forbiddenImports,
    'the router reaches a socket',
    { 'gateway/router/a.ts': "export * from '../transport/server.ts';" },
  ],
  [
    forbiddenImports,
    'the transport loads the session lazily',
    { 'gateway/transport/a.ts': "const b = await import('../session/b.ts');" },
  ],
  [forbiddenImports, 'somebody imports main', { 'gateway/cli/a.ts': "import '../main.ts';" }],
  [forbiddenImports, 'a file in no zone', { 'elsewhere/a.ts': '' }],
  [
    forbiddenImports,
    'the SDK imports more than the protocol',
    { 'client-sdk/src/a.ts': "import { b } from '../../gateway/errors.ts';" },
  ],
  [
    forbiddenImports,
    'an example imports the inside of the SDK',
    { 'examples/chat/page/a.ts': "import { b } from '../../../client-sdk/src/link.ts';" },
  ],
  [
    forbiddenImports,
    'the page of an example imports its backend',
    { 'examples/chat/page/a.ts': "import { b } from '../server/people.ts';" },
  ],
  [
    forbiddenPackages,
    'the session imports uWebSockets.js',
    { 'gateway/session/a.ts': "import uWS from 'uWebSockets.js-next';" },
  ],
  [
    eagerAdapters,
    'an adapter is imported by a static import',
    { 'backplanes/index.ts': "import { RedisBackplane } from './redis/redis-backplane.ts';" },
  ],
  [
    importCycles,
    'three files in a circle',
    {
      'gateway/a.ts': "import { b } from './b.ts';",
      'gateway/b.ts': "import { c } from './c.ts';",
      'gateway/c.ts': "import { a } from './a.ts';",
    },
  ],
  [
    importCycles,
    'two folders that borrow types from each other',
    {
      'gateway/session/a.ts': "import type { B } from '../router/b.ts';",
      'gateway/router/b.ts': "import type { A } from '../session/a.ts';",
    },
  ],
  [longFiles, 'a file of 401 lines', { 'gateway/a.ts': 'a;\n'.repeat(401) }],
  [filesWithoutOpening, 'no opening comment', { 'gateway/a.ts': 'export const a = 1;' }],
  [forbiddenText, 'any', { 'gateway/a.ts': 'const a: any = 1;' }],
  [forbiddenText, 'a default export', { 'gateway/a.ts': 'export default 1;' }],
  [forbiddenText, 'an enum', { 'gateway/a.ts': 'export enum A {}' }],
  [forbiddenText, 'the compiler switched off', { 'gateway/a.ts': ['// @ts', 'ignore'].join('-') }],
  [
    forbiddenText,
    'an expected error outside of the type tests',
    { 'gateway/a.types.ts': ['// @ts', 'expect-error'].join('-') },
  ],
  [forbiddenText, 'work left behind', { 'gateway/a.ts': ['// TO', 'DO later'].join('') }],
  [
    forbiddenText,
    'the linter off, no reason',
    { 'gateway/a.ts': ['// oxlint', 'disable'].join('-') },
  ],
  [unexplainedAssertions, 'an assertion', { 'gateway/a.ts': 'const a = b as string;' }],
  [ambientTimeOrChance, 'the clock', { 'gateway/router/a.ts': 'const now = Date.now();' }],
  [filesWithoutUnitTest, 'no test', { 'gateway/a.ts': '', 'test/unit/gateway/b.test.ts': '' }],
];

/** What looks like an offence and is none. */
const innocents: readonly (readonly [Rule, string, Readonly<Record<string, string>>])[] = [
  [
    forbiddenImports,
    'an import in a comment',
    { 'gateway/protocol/a.ts': "// await import('../session/b.ts')" },
  ],
  [
    forbiddenImports,
    'the router uses its neighbours and the contracts',
    {
      'gateway/router/a.ts':
        "import { b } from './b.ts';\nimport type { C } from '../../backplanes/backplane.ts';",
    },
  ],
  [
    eagerAdapters,
    'an adapter is imported lazily',
    { 'backplanes/index.ts': "const { A } = await import('./redis/a.ts');" },
  ],
  [
    forbiddenText,
    'a type test that says what must not compile',
    { 'test/unit/a.types.ts': ['// @ts', 'expect-error: a number is no text'].join('-') },
  ],
  [
    importCycles,
    'a diamond',
    {
      'gateway/a.ts': "import './b.ts';\nimport './c.ts';",
      'gateway/b.ts': "import './d.ts';",
      'gateway/c.ts': "import './d.ts';",
    },
  ],
  [
    importCycles,
    'neighbours that borrow a type from each other',
    {
      'gateway/a.ts': "import { b } from './b.ts';",
      'gateway/b.ts': "import type { A } from './a.ts';",
    },
  ],
  [longFiles, 'a file of 400 lines', { 'gateway/a.ts': 'a;\n'.repeat(400) }],
  [unexplainedAssertions, 'as const', { 'gateway/a.ts': 'const a = [1] as const;' }],
  [unexplainedAssertions, 'words in a string', { 'gateway/a.ts': "const a = 'such as this';" }],
  [
    unexplainedAssertions,
    'an explained assertion',
    { 'gateway/a.ts': '// The caller checked it.\nconst a = b as string;' },
  ],
  [forbiddenText, 'any in a sentence', { 'gateway/a.ts': "const a = 'has: any';" }],
];

const asTree = (files: Readonly<Record<string, string>>): readonly SourceFile[] =>
  Object.entries(files).map(([path, text]) => ({ path, text }));

describe('architecture rules', () => {
  for (const [rule, name, files] of offenders) {
    test(`${rule.name}: finds ${name}`, () => {
      const found = rule(asTree(files)).join('\n');
      assert.ok(found.includes(Object.keys(files)[0] ?? ''), `found: "${found}"`);
    });
  }

  for (const [rule, name, files] of innocents) {
    test(`${rule.name}: accepts ${name}`, () => {
      assert.deepEqual(rule(asTree(files)), []);
    });
  }
});
