/** Holds `trunkline serve` to what it prints and to how signals and failures end it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StartGateway } from '../../../../gateway/cli/host.ts';
import type { GatewayConfig } from '../../../../gateway/config.ts';
import { GatewayError } from '../../../../gateway/errors.ts';
import { claimsOf } from './fake-gateway.ts';
import { TestHost } from './test-host.ts';

const accessKey = 'k'.repeat(32);
const env = { TRUNKLINE_ACCESS_KEY: accessKey };

interface Served {
  readonly startGateway: StartGateway;
  readonly configs: GatewayConfig[];
  readonly stops: number[];
  readonly drains: number[];
}

function serving(stop: () => Promise<void> = () => Promise.resolve()): Served {
  const configs: GatewayConfig[] = [];
  const stops: number[] = [];
  const drains: number[] = [];
  const startGateway: StartGateway = (config) => {
    configs.push(config);
    return Promise.resolve({
      url: 'http://127.0.0.1:4321',
      stop: () => {
        stops.push(stops.length);
        return stop();
      },
      drain: () => {
        drains.push(drains.length);
        return stop();
      },
    });
  };
  return { startGateway, configs, stops, drains };
}

describe('trunkline serve', () => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    test(`serve: prints one line, and ${signal} drains it with exit code 0`, async () => {
      const { startGateway, configs, drains, stops } = serving();
      const host = new TestHost({ env, startGateway });
      const running = host.run('serve', '--port', '0', '--json-depth-max', '9');
      await host.printed(/listens/);
      host.signal(signal);
      assert.equal(await running, 0);
      assert.equal(host.stdout, 'Trunkline listens on http://127.0.0.1:4321\n');
      assert.equal(configs[0]?.port, 0);
      assert.equal(configs[0].limits.jsonDepthMax, 9);
      assert.deepEqual([drains, stops], [[0], []]);
      assert.equal(host.listenerCount, 0);
    });
  }

  test('serve: a second signal ends the process at once with exit code 1', async () => {
    let release: () => void = () => undefined;
    const { startGateway, drains } = serving(
      () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    );
    const host = new TestHost({ env, startGateway });
    const running = host.run('serve');
    await host.printed(/listens/);
    host.signal('SIGTERM');
    await host.printed(/Stopping/);
    assert.deepEqual(host.exits, []);
    host.signal('SIGTERM');
    assert.deepEqual(host.exits, [1]);
    assert.match(host.stderr, /second signal/);
    release();
    await running;
    assert.deepEqual(drains, [0]);
  });

  test('serve: an error that nothing handled is logged and stops it with exit code 1', async () => {
    const { startGateway, stops } = serving(() => Promise.reject(new Error('and stop fails')));
    const host = new TestHost({ env, startGateway });
    const running = host.run('serve');
    await host.printed(/listens/);
    host.crash(new Error('boom'));
    assert.equal(await running, 1);
    assert.match(host.stderr, /"message":"boom"/);
    assert.match(host.stderr, /and stop fails/);
    assert.deepEqual(stops, [0]);
  });

  test('serve: a gateway that gives up is stopped, with the reason and exit code 1', async () => {
    const { startGateway, stops } = serving();
    const host = new TestHost({
      env,
      startGateway: async (config, options) => ({
        ...(await startGateway(config, options)),
        failed: Promise.resolve(new Error('worker 2 ended too often')),
      }),
    });
    assert.equal(await host.run('serve'), 1);
    assert.match(host.stderr, /error: worker 2 ended too often\n$/);
    assert.deepEqual(stops, [0]);
  });

  test('serve: a second signal ends at once what runs beside the process', async () => {
    const calls: string[] = [];
    let release: () => void = () => undefined;
    const { startGateway } = serving(
      () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    );
    const host = new TestHost({
      env,
      startGateway: async (config, options) => ({
        ...(await startGateway(config, options)),
        kill: () => calls.push('kill'),
      }),
    });
    const running = host.run('serve');
    await host.printed(/listens/);
    host.signal('SIGTERM');
    await host.printed(/Stopping/);
    assert.deepEqual(calls, []);
    host.signal('SIGTERM');
    assert.deepEqual([calls, host.exits], [['kill'], [1]]);
    release();
    await running;
  });

  test('serve: development prints all that is needed to connect', async () => {
    const { startGateway, configs } = serving();
    const host = new TestHost({ startGateway, env: { TRUNKLINE_MODE: 'development' } });
    const running = host.run('serve');
    await host.printed(/page/);
    host.signal('SIGINT');
    assert.equal(await running, 0);
    const made = configs[0]?.accessKeys[0] ?? '';
    const connectionString = `Endpoint=http://127.0.0.1:4321;AccessKey=${made};Version=1.0;`;
    assert.ok(host.stdout.includes(connectionString));
    assert.match(host.stdout, /made up for this start.* set TRUNKLINE_ACCESS_KEY to keep one/);
    assert.match(host.stdout, /page +http:\/\/127\.0\.0\.1:4321\//);
    const url = /ws:\/\/127\.0\.0\.1:4321\/client\/hubs\/chat\?access_token=(\S+)/.exec(
      host.stdout,
    );
    assert.equal(claimsOf(url?.[1] ?? '')['aud'], 'http://127.0.0.1:4321/client/hubs/chat');
  });

  test('serve: a key that was given is not printed, in no mode', async () => {
    for (const mode of ['development', 'production']) {
      const host = new TestHost({ env, startGateway: serving().startGateway });
      const running = host.run('serve', '--mode', mode);
      await host.printed(/listens/);
      host.signal('SIGINT');
      await running;
      assert.ok(!(host.stdout + host.stderr).includes(accessKey), mode);
    }
  });

  test('serve: settings that are wrong are listed, with exit code 2', async () => {
    const host = new TestHost({ env: { ...env, TRUNKLINE_PORT: '80a', TRUNKLINE_HOTS: 'x' } });
    assert.equal(await host.run('serve', '--mode', 'test'), 2);
    assert.equal(
      host.stderr,
      'error: --mode must be "development" or "production", got "test"\n' +
        'error: TRUNKLINE_PORT must be 0..65535, got "80a"\n' +
        'error: TRUNKLINE_HOTS is not a setting; did you mean TRUNKLINE_HOST?\n',
    );
    assert.equal(host.stdout, '');
  });

  test('serve: a start that fails says why; a setting has exit code 2, the world 1', async () => {
    const outcomes = { 'bad-setting': 2, 'cannot-listen': 1 } as const;
    for (const code of ['bad-setting', 'cannot-listen'] as const) {
      const startGateway: StartGateway = () =>
        Promise.reject(new GatewayError(code, `it is ${code}`));
      const host = new TestHost({ env, startGateway });
      assert.equal(await host.run('serve'), outcomes[code]);
      assert.equal(host.stderr, `error: it is ${code}\n`);
      assert.equal(host.listenerCount, 0);
    }
  });

  test('serve: an error that is a bug is not hidden', async () => {
    const bug = new TypeError('x is not a function');
    const host = new TestHost({ env, startGateway: () => Promise.reject(bug) });
    await assert.rejects(host.run('serve'), bug);
  });
});
