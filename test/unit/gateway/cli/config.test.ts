/** Holds `trunkline config` and the program as a whole to what they print. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allSettings } from '../../../../gateway/config/settings-table.ts';
import { TestHost } from './test-host.ts';

const accessKey = 'k'.repeat(32);

describe('trunkline config', () => {
  test('config: prints every setting with its source, secrets masked', async () => {
    const env = {
      TRUNKLINE_ACCESS_KEY: accessKey,
      TRUNKLINE_CONFIG: 'f.json',
      TRUNKLINE_BACKPLANE: 'redis://u:pa55@h',
      TRUNKLINE_STREAMS: 'redis://u:pa55@s',
    };
    const content = {
      limits: { jsonDepthMax: 9 },
      retention: { chat: { messages: 7 } },
      hubs: { chat: { anonymous: true, streams: [{ match: 'all', retention: 'chat' }] } },
    };
    const files = { 'f.json': JSON.stringify(content) };
    const host = new TestHost({ env, files });
    assert.equal(await host.run('config', '--port', '81'), 0, host.stderr);
    const lines = host.stdout.split('\n');
    for (const { name } of allSettings) {
      assert.equal(lines.filter((line) => line.startsWith(`${name} `)).length, 1, name);
    }
    assert.match(host.stdout, /^config +f\.json +TRUNKLINE_CONFIG$/m);
    assert.match(host.stdout, /^port +81 +--port$/m);
    assert.match(host.stdout, /^accessKey +\*\*\* +TRUNKLINE_ACCESS_KEY$/m);
    assert.match(host.stdout, /^jsonDepthMax +9 +"limits.jsonDepthMax" in f.json$/m);
    assert.match(host.stdout, /^backplane +redis:\/\/\*\*\*@h +TRUNKLINE_BACKPLANE$/m);
    assert.match(host.stdout, /^idleTimeoutSeconds +32 s +default$/m);
    assert.match(host.stdout, /^hub chat: \{"anonymous":true,"streams":\[\{"match":"all",/m);
    assert.match(
      host.stdout,
      /^retention chat: \{"messages":7,"seconds":86400,"bytes":67108864\}$/m,
    );
    assert.match(host.stdout, /^streams +redis:\/\/\*\*\*@s +TRUNKLINE_STREAMS$/m);
    assert.doesNotMatch(host.stdout, /kkkk|pa55/);
  });

  test('config: --json has the same, to be read by programs', async () => {
    const host = new TestHost({ env: { TRUNKLINE_ACCESS_KEY: accessKey } });
    assert.equal(await host.run('config', '--json'), 0);
    const { settings, hubs, retention, issuers } = JSON.parse(host.stdout) as {
      readonly settings: Readonly<Record<string, unknown>>;
      readonly hubs: unknown;
      readonly retention: unknown;
      readonly issuers: unknown;
    };
    assert.deepEqual(
      Object.keys(settings),
      allSettings.map(({ name }) => name),
    );
    assert.deepEqual(settings['port'], { value: 8080, source: 'default' });
    assert.deepEqual(settings['accessKey'], { value: '***', source: 'TRUNKLINE_ACCESS_KEY' });
    assert.deepEqual(hubs, { '*': { anonymous: false, streams: [], slowConsumers: [] } });
    assert.deepEqual(retention, {});
    assert.deepEqual(issuers, []);
  });

  test('config: settings with which nothing would start have exit code 2', async () => {
    const host = new TestHost();
    assert.equal(await host.run('config'), 2);
    assert.match(host.stderr, /^error: TRUNKLINE_ACCESS_KEY /);
  });
});

describe('trunkline', () => {
  test('trunkline: help and version go to standard output, with exit code 0', async () => {
    const host = new TestHost();
    assert.equal(await host.run('--version'), 0);
    assert.equal(host.stdout, '1.2.3\n');
    assert.equal(await host.run('--help'), 0);
    for (const name of ['serve', 'token', 'publish', 'subscribe', 'history', 'config']) {
      assert.ok(host.stdout.includes(`  ${name} `), name);
      const help = new TestHost();
      assert.equal(await help.run(name, '--help'), 0);
      assert.match(help.stdout, /Examples:\n {2}\$ /);
      assert.equal(help.stderr, '');
    }
  });

  test('trunkline: serve and config have a flag for every setting', async () => {
    for (const name of ['serve', 'config']) {
      const host = new TestHost();
      await host.run(name, '--help');
      for (const { flag } of allSettings) assert.ok(host.stdout.includes(`  ${flag} <`), flag);
    }
  });

  test('trunkline: an unknown command or option is wrong usage, with a suggestion', async () => {
    const host = new TestHost();
    assert.equal(await host.run('serv'), 2);
    assert.equal(await host.run('serve', '--prot', '1'), 2);
    assert.match(host.stderr, /Did you mean serve\?[^]*Did you mean --port\?/);
    assert.equal(host.stdout, '');
  });
});
