/** What a whole Centrifugo is told, and what there is to say when there is none. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { engineVersion } from '../../../../bench/peers/centrifugo-programs.ts';
import {
  centrifugoCommand,
  centrifugoPair,
  centrifugoToken,
  wholeSettings,
} from '../../../../bench/peers/centrifugo-target.ts';

describe('centrifugo', () => {
  test('settings: Redis is the engine, NATS only the broker', () => {
    const redis = wholeSettings({ port: 1, brokerUrl: 'redis://127.0.0.1:2' });
    assert.deepEqual((redis as { engine: unknown }).engine, {
      type: 'redis',
      redis: { address: 'redis://127.0.0.1:2' },
    });
    const nats = wholeSettings({ port: 1, brokerUrl: 'nats://127.0.0.1:2' });
    assert.equal('engine' in (nats as object), false);
    assert.deepEqual((nats as { broker: unknown }).broker, {
      enabled: true,
      type: 'nats',
      nats: { url: 'nats://127.0.0.1:2' },
    });
  });

  test('tokens: HS256 with a user and an end', () => {
    const [header = '', payload = ''] = centrifugoToken('anna').split('.');
    const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
    assert.deepEqual(read(header), { alg: 'HS256', typ: 'JWT' });
    const { sub, exp } = read(payload) as { sub: string; exp: number };
    assert.equal(sub, 'anna');
    assert.ok(exp * 1000 > Date.now());
  });

  test('a whole one: without CENTRIFUGO_BIN there is a sentence', (context) => {
    const before = process.env['CENTRIFUGO_BIN'];
    delete process.env['CENTRIFUGO_BIN'];
    context.after(() => {
      if (before !== undefined) process.env['CENTRIFUGO_BIN'] = before;
    });
    assert.throws(() => centrifugoCommand('whole', { port: 1 }), /CENTRIFUGO_BIN/);
    assert.equal(centrifugoPair('whole', 'nats').name, 'centrifugo-whole-nats');
  });

  test('engine: its version is that of go.mod', () => {
    assert.match(engineVersion(), /^v\d+\.\d+\.\d+$/);
  });
});
