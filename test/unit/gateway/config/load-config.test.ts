/** Holds the loader to its promises: precedence, every problem at once, no secret in a message. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { secretsOf, type GatewayConfig } from '../../../../gateway/config.ts';
import { ConfigError } from '../../../../gateway/config/config-error.ts';
import {
  loadConfig,
  loadConfigWithOrigins,
  type LoadInput,
} from '../../../../gateway/config/load-config.ts';
import { allSettings, settings } from '../../../../gateway/config/settings-table.ts';
import { defaultLimits } from '../../../../gateway/limits.ts';

const key = 'k'.repeat(32);

type Given = Partial<LoadInput> & { readonly files?: Readonly<Record<string, string>> };

function input({ files = {}, ...given }: Given): LoadInput {
  const readFile = (path: string): string => {
    const text = Object.hasOwn(files, path) ? files[path] : undefined;
    if (text === undefined) throw new Error('no such file');
    return text;
  };
  return {
    flags: {},
    env: {},
    readFile,
    makeAccessKey: () => 'made-up '.repeat(4) + '!',
    ...given,
  };
}

function load(given: Given): GatewayConfig {
  return loadConfig(input(given));
}

function loadFile(content: unknown, env: Readonly<Record<string, string>> = {}): GatewayConfig {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return load({
    env: { TRUNKLINE_ACCESS_KEY: key, TRUNKLINE_CONFIG: 'trunkline.json', ...env },
    files: { 'trunkline.json': text },
  });
}

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.code, 'bad-setting');
    return error.problems;
  }
  return assert.fail('expected a ConfigError');
}

function problems(env: Readonly<Record<string, string>>): readonly string[] {
  return problemsOf(() => load({ env: { TRUNKLINE_ACCESS_KEY: key, ...env } }));
}

describe('settings: sources', () => {
  test('loadConfig: a key is all that production needs', () => {
    assert.deepEqual(
      { ...load({ env: { TRUNKLINE_ACCESS_KEY: key } }), hubs: {}, retention: {} },
      {
        mode: 'production',
        host: '127.0.0.1',
        port: 8080,
        workers: 1,
        tls: undefined,
        accessKeys: [key],
        publicEndpoints: [],
        backplane: 'memory:',
        azureConnectionString: undefined,
        issuers: [],
        hubs: {},
        retention: {},
        streamStore: undefined,
        limits: defaultLimits,
        logLevel: 'info',
        logFormat: 'json',
      },
    );
  });

  test('loadConfig: a flag wins over its variable, that over the file, that over the default', () => {
    const files = { f: JSON.stringify({ port: 1, limits: { frameBytesMax: 5000 } }) };
    const env = { TRUNKLINE_ACCESS_KEY: key, TRUNKLINE_PORT: '2', TRUNKLINE_CONFIG: 'f' };
    assert.equal(load({ env, files, flags: { port: '3' } }).port, 3);
    assert.equal(load({ env, files }).port, 2);
    assert.equal(load({ env: { ...env, TRUNKLINE_PORT: '' }, files }).port, 1);
    assert.equal(load({ env, files }).limits.frameBytesMax, 5000);
  });

  test('loadConfigWithOrigins: tells the source of every value', () => {
    const { originOf } = loadConfigWithOrigins(
      input({
        flags: { config: 'f', mode: 'development' },
        env: { TRUNKLINE_HOST: 'localhost' },
        files: { f: '{"port": 1}' },
      }),
    );
    assert.deepEqual(originOf(settings.mode), { kind: 'flag', name: '--mode' });
    assert.deepEqual(originOf(settings.host), { kind: 'variable', name: 'TRUNKLINE_HOST' });
    assert.deepEqual(originOf(settings.port), { kind: 'file', name: '"port" in f' });
    assert.equal(originOf(settings.logLevel).kind, 'default');
    assert.equal(originOf(settings.accessKey).kind, 'generated');
  });

  test('loadConfig: every setting is accepted from all of its sources', () => {
    for (const setting of allSettings.filter(({ kind }) => kind === 'integer')) {
      const value = setting.defaultText;
      const flags = { [setting.name]: value };
      load({ env: { TRUNKLINE_ACCESS_KEY: key, [setting.variable]: value }, flags });
      const [group, name] = setting.key.split('.');
      assert.ok(group !== undefined);
      loadFile({ [group]: name === undefined ? Number(value) : { [name]: Number(value) } });
    }
  });

  test('loadConfig: variables that Kubernetes injects for services are passed over', () => {
    const env = {
      TRUNKLINE_ACCESS_KEY: key,
      TRUNKLINE_PORT: 'tcp://10.0.0.1:80',
      TRUNKLINE_SERVICE_HOST: '10.0.0.1',
      TRUNKLINE_SERVICE_PORT_HTTP: '80',
      TRUNKLINE_PORT_80_TCP_ADDR: '10.0.0.1',
      TRUNKLINE_REDIS_PORT: 'tcp://10.0.0.2:6379',
    };
    assert.equal(load({ env }).port, 8080);
  });
});

describe('settings: problems', () => {
  test('loadConfig: a wrong value is named with its source, what is accepted, and itself', () => {
    assert.deepEqual(problems({ TRUNKLINE_PORT: '80a' }), [
      'TRUNKLINE_PORT must be 0..65535, got "80a"',
    ]);
    assert.deepEqual(
      problemsOf(() => load({ env: { TRUNKLINE_ACCESS_KEY: key }, flags: { port: '-1' } })),
      ['--port must be 0..65535, got -1'],
    );
    assert.deepEqual(
      problemsOf(() => loadFile({ limits: { jsonDepthMax: '9' } })),
      ['"limits.jsonDepthMax" in trunkline.json must be 4..1000, got "9"'],
    );
  });

  test('loadConfig: all problems are told at once', () => {
    const found = problems({
      TRUNKLINE_PORT: '70000',
      TRUNKLINE_MODE: 'test',
      TRUNKLINE_FRAME_BYTES_MAX: '1MB',
      TRUNKLINE_BACKPLANE: 'redis',
    });
    assert.equal(found.length, 4);
  });

  test('loadConfig: an unknown variable or key comes with the nearest name', () => {
    assert.deepEqual(problems({ TRUNKLINE_ACESS_KEY_SECONDARY: key, OTHER: 'x' }), [
      'TRUNKLINE_ACESS_KEY_SECONDARY is not a setting; did you mean TRUNKLINE_ACCESS_KEY_SECONDARY?',
    ]);
    assert.deepEqual(
      problemsOf(() => loadFile({ prot: 1, zzzzzzzzzz: 1, limits: { frameByteMax: 1 }, tls: 1 })),
      [
        '"prot" in trunkline.json is not a setting; did you mean port?',
        '"zzzzzzzzzz" in trunkline.json is not a setting',
        '"limits.frameByteMax" in trunkline.json is not a setting; did you mean limits.frameBytesMax?',
        '"tls" in trunkline.json must be an object',
      ],
    );
  });

  test('loadConfig: a file that is no JSON object is refused with the place', () => {
    assert.deepEqual(
      problemsOf(() => loadFile('{\n  "port": 1,\n  // host\n}')),
      [
        'TRUNKLINE_CONFIG (trunkline.json) must be JSON: line 3, column 3: ' +
          'expected a key in double quotes (JSON has no comments)',
      ],
    );
    assert.deepEqual(
      problemsOf(() => loadFile('[]')),
      ['TRUNKLINE_CONFIG (trunkline.json) must hold a JSON object: { "port": 8080 }'],
    );
    assert.deepEqual(
      problemsOf(() => load({ env: { TRUNKLINE_ACCESS_KEY: key }, flags: { config: 'x' } })),
      ['--config must be a file that can be read, got "x": no such file'],
    );
  });

  test('loadConfig: TLS needs both files, and they must be readable', () => {
    const env = { TRUNKLINE_ACCESS_KEY: key, TRUNKLINE_TLS_KEY_FILE: 'k.pem' };
    assert.deepEqual(
      problemsOf(() => load({ env, files: { 'k.pem': '' } })),
      ['TRUNKLINE_TLS_CERT_FILE (or --tls-cert-file) must be set when TRUNKLINE_TLS_KEY_FILE is'],
    );
    const both = { ...env, TRUNKLINE_TLS_CERT_FILE: 'c.pem' };
    assert.deepEqual(
      problemsOf(() => load({ env: both, files: { 'k.pem': '' } })),
      ['TRUNKLINE_TLS_CERT_FILE must be a file that can be read, got "c.pem": no such file'],
    );
    assert.deepEqual(load({ env: both, files: { 'k.pem': '', 'c.pem': '' } }).tls, {
      keyFile: 'k.pem',
      certFile: 'c.pem',
    });
  });
});

describe('settings: access keys', () => {
  test('loadConfig: production without key and issuers does not start', () => {
    assert.deepEqual(
      problemsOf(() => load({})),
      ['TRUNKLINE_ACCESS_KEY (or --access-key, or issuers in the file) must be set in production'],
    );
    const issuers = [{ issuer: 'https://id.example', audience: 'chat', jwks: '/etc/jwks.json' }];
    assert.deepEqual(loadFile({ issuers }, { TRUNKLINE_ACCESS_KEY: '' }).accessKeys, []);
  });

  test('loadConfig: a key that is short or would break a connection string is refused unshown', () => {
    for (const wrong of ['k'.repeat(31), `${key};x`, `${key}\n`, ` ${key}`, `${key}\u007f`]) {
      const [problem, ...others] = problems({ TRUNKLINE_ACCESS_KEY: wrong });
      assert.deepEqual(others, []);
      assert.match(problem ?? '', /^TRUNKLINE_ACCESS_KEY must be at least 32 bytes/);
      assert.ok(!problem?.includes(wrong.trim()));
    }
    assert.deepEqual(load({ env: { TRUNKLINE_ACCESS_KEY: 'é'.repeat(16) } }).accessKeys.length, 1);
  });

  test('loadConfig: a secondary key needs a first one', () => {
    const secondary = 's'.repeat(32);
    const env = { TRUNKLINE_ACCESS_KEY_SECONDARY: secondary };
    assert.equal(problemsOf(() => load({ env })).length, 1);
    assert.deepEqual(load({ env: { ...env, TRUNKLINE_ACCESS_KEY: key } }).accessKeys, [
      key,
      secondary,
    ]);
  });

  test('loadConfig: development makes a key, on a loopback host only', () => {
    const env = { TRUNKLINE_MODE: 'development' };
    assert.deepEqual(load({ env }).accessKeys, ['made-up '.repeat(4) + '!']);
    const { makeAccessKey: _, ...real } = input({ env });
    const made = loadConfig(real).accessKeys;
    assert.ok(Buffer.byteLength(made[0] ?? '') >= 32);
    assert.notDeepEqual(loadConfig(real).accessKeys, made);
    assert.match(
      problemsOf(() => load({ env: { ...env, TRUNKLINE_HOST: '0.0.0.0' } }))[0] ?? '',
      /^TRUNKLINE_HOST must be a loopback address .* got "0\.0\.0\.0": set TRUNKLINE_ACCESS_KEY$/,
    );
    const open = { ...env, TRUNKLINE_HOST: '0.0.0.0', TRUNKLINE_ACCESS_KEY: key };
    assert.equal(load({ env: open }).host, '0.0.0.0');
  });
});

describe('settings: values', () => {
  test('publicEndpoints: any http or ws URL becomes an http origin with its base path', () => {
    const given = 'wss://A.example/, ws://b.example:80/base//,http://c.example:8080';
    assert.deepEqual(
      load({ env: { TRUNKLINE_ACCESS_KEY: key, TRUNKLINE_PUBLIC_ENDPOINTS: given } })
        .publicEndpoints,
      ['https://a.example', 'http://b.example/base', 'http://c.example:8080'],
    );
    assert.deepEqual(loadFile({ publicEndpoints: ['https://a.example'] }).publicEndpoints, [
      'https://a.example',
    ]);
  });

  test('publicEndpoints: a URL with user, query or fragment is refused, its secrets unshown', () => {
    for (const wrong of [
      'https://u:pa55@h/',
      'https://h/?k=pa55',
      'https://h/#x',
      'ftp://h',
      'h:80',
    ]) {
      const found = problems({ TRUNKLINE_PUBLIC_ENDPOINTS: wrong });
      assert.equal(found.length, 1, wrong);
      assert.ok(!found[0]?.includes('pa55'), found[0]);
    }
  });

  test('backplane: lists of hosts with ports are URLs here', () => {
    const backplane = 'redis+cluster://a:1,b:2,c:3';
    assert.equal(
      load({ env: { TRUNKLINE_ACCESS_KEY: key, TRUNKLINE_BACKPLANE: backplane } }).backplane,
      backplane,
    );
    assert.deepEqual(problems({ TRUNKLINE_BACKPLANE: 'Redis //u:pa55@h' }), [
      'TRUNKLINE_BACKPLANE must be a URL such as "memory:", got "Redis //***@h"',
    ]);
  });

  test('azureConnectionString: has an endpoint and a key, and is never shown', () => {
    const azureConnectionString = 'Endpoint=https://h;AccessKey=pa55w0rd=;Version=1.0;';
    const env = { TRUNKLINE_AZURE_CONNECTION_STRING: azureConnectionString };
    const config = load({ env: { TRUNKLINE_ACCESS_KEY: key, ...env } });
    assert.equal(config.azureConnectionString, azureConnectionString);
    assert.deepEqual(secretsOf(config), [key, 'pa55w0rd=']);
    for (const wrong of ['https://h', 'Endpoint=https://h', 'Endpoint=;AccessKey=pa55w0rd']) {
      const [problem, ...others] = problems({ TRUNKLINE_AZURE_CONNECTION_STRING: wrong });
      assert.match(problem ?? '', /^TRUNKLINE_AZURE_CONNECTION_STRING must be "Endpoint=/);
      assert.doesNotMatch(problem ?? '', /pa55w0rd/);
      assert.deepEqual(others, []);
    }
  });
});

test('loadConfig: whatever the environment holds, the outcome is a config or a ConfigError', () => {
  const names = [
    ...allSettings.map(({ variable }) => variable),
    'TRUNKLINE_X',
    'TRUNKLINE___proto__',
  ];
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.integer().map(String),
    fc.webUrl(),
    fc.constantFrom('development', 'file', '__proto__', 'ws://[::1]:1/x/', '-0', '1e3'),
  );
  const env = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 12 });
  const file = fc.oneof(fc.json(), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(env, fc.option(value), file, (variables, secret, text) => {
      const accessKey = secret === null ? {} : { TRUNKLINE_ACCESS_KEY: `pa55-${secret}` };
      try {
        const config = load({ env: { ...variables, ...accessKey }, files: { file: text } });
        assert.ok(config.port >= 0 && config.port <= 65_535);
        assert.ok(config.accessKeys.every((accessKey) => Buffer.byteLength(accessKey) >= 32));
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
        assert.ok(error.problems.length > 0);
        assert.ok(!error.message.includes('pa55-'), error.message);
      }
    }),
    { numRuns: 500 },
  );
});

describe('settings: streams', () => {
  const content = {
    retention: { chat: {} },
    hubs: { chat: { streams: [{ match: 'all', retention: 'chat' }] } },
  };

  test('loadConfig: a store of streams is the backplane unless it is named', () => {
    assert.equal(loadFile(content).streamStore, undefined);
    const { retention, streamStore } = loadFile(content, { TRUNKLINE_STREAMS: 'redis://h' });
    assert.equal(streamStore, 'redis://h');
    assert.equal(retention['chat']?.messages, 1000);
    assert.equal(loadFile({ ...content, streams: 'nats://h' }).streamStore, 'nats://h');
  });

  test('loadConfig: streams on azure: need a store of their own', () => {
    const backplane = 'azure:';
    assert.deepEqual(
      problemsOf(() => loadFile({ ...content, backplane })),
      [
        'TRUNKLINE_STREAMS (or --streams) must name a store such as "redis://host:6379" while hubs ' +
          'have streams: "backplane" in trunkline.json is "azure:", which keeps no messages',
      ],
    );
    loadFile({ ...content, backplane, streams: 'redis://h' });
    loadFile({ backplane, retention: content.retention });
  });

  test('loadConfig: a class that is wrong is told once, not again by each hub that names it', () => {
    const retention = { chat: { messages: 0 } };
    assert.equal(problemsOf(() => loadFile({ ...content, retention })).length, 1);
  });
});
