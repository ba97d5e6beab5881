/** Bad settings: the executable names each with its value and the remedy, and ends with 2 or 1. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { testAccessKey } from '../support/gateway.ts';
import { Run } from '../support/gateway-process.ts';

async function refusalOf(
  t: TestContext,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const run = new Run(['serve', ...args], { TRUNKLINE_ACCESS_KEY: testAccessKey, ...variables });
  t.after(() => run.kill());
  const code = await run.exitCode();
  assert.equal(run.stdout, '', 'it never said that it listens');
  return { code, stderr: run.stderr };
}

const cases: readonly (readonly [
  name: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  stderr: RegExp,
])[] = [
  ['a port', ['--port', '80a'], {}, /error: --port must be 0\.\.65535, got "80a"/],
  ['a port', [], { TRUNKLINE_PORT: '65536' }, /TRUNKLINE_PORT must be 0\.\.65535, got 65536/],
  ['a limit', ['--frame-bytes-max', '1'], {}, /--frame-bytes-max must be 1024\.\.67108864, got 1/],
  [
    'a misspelt name',
    [],
    { TRUNKLINE_PROT: '1' },
    /TRUNKLINE_PROT is not a setting.*did you mean TRUNKLINE_PORT\?/,
  ],
  ['a misspelt flag', ['--prot', '1'], {}, /unknown option '--prot'[^]*Did you mean --port\?/],
  ['a mode', ['--mode', 'prod'], {}, /--mode must be "development" or "production", got "prod"/],
  ['a host', ['--host', 'a b'], {}, /--host must be a host name or an IP address .*, got "a b"/],
  ['a broker', ['--backplane', 'kafka://x'], {}, /must begin with .*memory:.*, got "kafka:"/],
  [
    'an endpoint',
    ['--public-endpoints', 'ftp://x'],
    {},
    /--public-endpoints must be http.*, got \["ftp:\/\/x"\]/,
  ],
  ['half of TLS', ['--tls-key-file', 'key.pem'], {}, /tls-cert-file|TLS_CERT_FILE/],
  [
    'TLS files that are not there',
    ['--tls-key-file', '/nowhere/key.pem', '--tls-cert-file', '/nowhere/cert.pem'],
    {},
    /\/nowhere\/(key|cert)\.pem/,
  ],
  ['a file that is not there', ['--config', '/nowhere/t.json'], {}, /\/nowhere\/t\.json/],
];

describe('bad settings', () => {
  for (const [name, args, variables, stderr] of cases) {
    const shown = [...args, ...Object.entries(variables).map((pair) => pair.join('='))].join(' ');
    test(`${name} (${shown}): named with value and remedy`, async (t) => {
      const refusal = await refusalOf(t, args, variables);
      assert.match(refusal.stderr, stderr);
      assert.match(refusal.stderr, /^error: /, 'no stack trace comes first');
      assert.doesNotMatch(refusal.stderr, /^ {4}at /m, 'nor later');
      assert.ok(refusal.code === 2 || refusal.code === 1, String(refusal.code));
    });
  }

  test('an access key that is too short: refused without showing it', async (t) => {
    const { code, stderr } = await refusalOf(t, [], { TRUNKLINE_ACCESS_KEY: 'shhh-a-secret' });
    assert.equal(code, 2);
    assert.match(stderr, /TRUNKLINE_ACCESS_KEY must be at least 32 bytes/);
    assert.doesNotMatch(stderr, /shhh/);
  });

  test('no access key in production: says what to set', async (t) => {
    const { code, stderr } = await refusalOf(t, [], { TRUNKLINE_ACCESS_KEY: '' });
    assert.equal(code, 2);
    assert.match(stderr, /TRUNKLINE_ACCESS_KEY/);
  });

  test('a port in use: named with what to do', async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    t.after(() => server.close());
    // A server that listens on TCP has an address of this form.
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await refusalOf(t, ['--port', String(port)]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^error: .*${port}.*(in use|choose|another)`, 'm'));
  });

  test('a file with wrong contents: every mistake at once, each by its path', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'trunkline-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'trunkline.json');
    const contents = { port: 'x', limits: { frameBytesMax: 1.5 }, hubs: { '1st': {} }, zebra: 1 };
    writeFileSync(path, JSON.stringify(contents));
    const { code, stderr } = await refusalOf(t, ['--config', path]);
    assert.equal(code, 2);
    for (const name of ['port', 'limits.frameBytesMax', 'hubs.1st', 'zebra']) {
      assert.ok(stderr.includes(`"${name}"`), `${name} in:\n${stderr}`);
    }
  });
});
