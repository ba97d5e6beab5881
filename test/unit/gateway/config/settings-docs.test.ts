/** Holds docs/CONFIGURATION.md to the table of settings, and its example to the loader. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../../../gateway/config/load-config.ts';
import { settingsDocs } from '../../../../gateway/config/settings-docs.ts';
import { allSettings } from '../../../../gateway/config/settings-table.ts';

/** The nearest folder upwards that has the page: tests run from a build folder. */
function findPage(): string {
  const candidates = [process.cwd()];
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder);) {
    candidates.push(folder);
    folder = dirname(folder);
  }
  const pages = candidates.map((folder) => join(folder, 'docs', 'CONFIGURATION.md'));
  const page = pages.find((path) => existsSync(path));
  assert.ok(page !== undefined, 'docs/CONFIGURATION.md is not there');
  return page;
}

const page = readFileSync(findPage(), 'utf8').replaceAll('\r\n', '\n');

describe('docs/CONFIGURATION.md', () => {
  test('CONFIGURATION.md: its tables are those that the settings table gives', () => {
    const generated =
      /<!-- prettier-ignore-start -->\n\n([^]*?)\n<!-- prettier-ignore-end -->/.exec(page)?.[1];
    assert.equal(
      generated,
      settingsDocs(),
      'docs/CONFIGURATION.md is out of date: replace what is between its markers with the output ' +
        'of "trunkline config --docs"',
    );
  });

  test('CONFIGURATION.md: its example is a file that loads, and that has every key', () => {
    const example = /```json\n([^]*?)```/.exec(page)?.[1] ?? '';
    const readFile = (path: string): string => (path === 'trunkline.json' ? example : 'PEM');
    const config = loadConfig({ flags: { config: 'trunkline.json' }, env: {}, readFile });
    assert.equal(config.hubs['chat']?.anonymous, true);
    assert.equal(config.issuers.length, 1);
    const parsed = JSON.parse(example) as Readonly<Record<string, unknown>>;
    const roots = new Set(
      allSettings.map(({ key }) => key.split('.')[0]).filter((key) => key !== ''),
    );
    for (const root of roots) assert.ok(root !== undefined && root in parsed, root);
  });
});

test('settings: no two share a flag, a variable or a key', () => {
  for (const name of ['name', 'flag', 'variable', 'key'] as const) {
    assert.equal(
      new Set(allSettings.map((setting) => setting[name])).size,
      allSettings.length,
      name,
    );
  }
});
