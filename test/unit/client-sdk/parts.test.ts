/** The small parts of the SDK: delays, codes, events, patterns, validators, options. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Backoff } from '../../../client-sdk/src/backoff.ts';
import { comebackOf, comebacks, tokenExpired } from '../../../client-sdk/src/close-codes.ts';
import { json } from '../../../client-sdk/src/codec.ts';
import { Emitter } from '../../../client-sdk/src/emitter.ts';
import { runtime } from '../../../client-sdk/src/environment.ts';
import { addressOf, settingsOf } from '../../../client-sdk/src/options.ts';
import { OwnEchoes } from '../../../client-sdk/src/own-echoes.ts';
import { dataOf, payloadOf } from '../../../client-sdk/src/payload.ts';
import { matchesPattern } from '../../../client-sdk/src/schema.ts';
import type { StandardSchema } from '../../../client-sdk/src/standard-schema.ts';
import { validated, validatorOf } from '../../../client-sdk/src/validation.ts';
import { closeCodes } from '../../../gateway/protocol/close-codes.ts';
import { FakeWorld, streamed } from './fakes.ts';

describe('backoff', () => {
  test('every delay is a part of its bound, and the bound has a cap', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 0.999, noNaN: true })), (chances) => {
        let at = 0;
        const backoff = new Backoff(() => chances[at] ?? 0, 500, 20_000);
        for (; at < chances.length; at += 1) {
          const delayMs = backoff.nextMs();
          assert.ok(delayMs >= 0 && delayMs <= Math.min(20_000, 500 * 2 ** at));
        }
      }),
    );
  });

  test('a hurry is for the first attempt only, until it has gone well', () => {
    const backoff = new Backoff(() => 0.5, 500, 20_000);
    assert.deepEqual([backoff.nextMs(true), backoff.nextMs(true)], [0, 500]);
    backoff.reset();
    assert.equal(backoff.nextMs(true), 0);
  });
});

describe('close codes', () => {
  test('the table has every code of the gateway, and unknown ones come back', () => {
    assert.deepEqual(
      Object.keys(comebacks).map(Number),
      Object.values(closeCodes).toSorted((a, b) => a - b),
    );
    assert.equal(tokenExpired, closeCodes.tokenExpired);
    for (const code of [1005, 1006, 1012, 1015, 3000, 4999])
      assert.equal(comebackOf(code), 'later');
  });
});

describe('emitter', () => {
  test('a listener is taken off alone, and only once', () => {
    const emitter = new Emitter<{ a: number }>((error) => assert.fail(String(error)));
    const got: number[] = [];
    const listener = (value: number): number => got.push(value);
    const off = emitter.on('a', listener);
    emitter.on('a', listener);
    off();
    off();
    emitter.emit('a', 1);
    assert.deepEqual(got, [1]);
  });
});

describe('own echoes', () => {
  test('what the cursor has passed, and what is of another epoch, is forgotten', () => {
    const echoes = new OwnEchoes();
    const at = (offset: number, epoch = 'e') => ({ epoch, offset, tag: 0 });
    echoes.add('a', at(5), at(5));
    assert.equal(echoes.take('a', at(5)), false);
    echoes.add('b', at(7), at(5));
    assert.equal(echoes.take('c', at(6)), false);
    assert.equal(echoes.take('b', at(7)), true);
    echoes.add('d', at(9), at(7));
    assert.equal(echoes.take('x', at(1, 'f')), false);
    assert.equal(echoes.take('d', at(9)), false);
  });

  test('at most a thousand are kept, the newest', () => {
    const echoes = new OwnEchoes();
    const cursor = { epoch: 'e', offset: 0, tag: 0 };
    for (let offset = 1; offset <= 1001; offset += 1) {
      echoes.add(`id${offset}`, { ...cursor, offset }, cursor);
    }
    assert.equal(echoes.take('id1', { ...cursor, offset: 1 }), false);
    assert.equal(echoes.take('id2', { ...cursor, offset: 2 }), true);
  });
});

describe('payload', () => {
  test('bytes and JSON come out as they went in', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.jsonValue()), (data) => {
        fc.pre(data !== null);
        const [frame] = json.decode(json.encode({ type: 'message', ...payloadOf(data) }));
        assert.ok(frame !== undefined);
        assert.deepEqual(dataOf(frame), data instanceof Uint8Array ? data : frame.data);
      }),
    );
  });
});

describe('payload: what no message may carry', () => {
  for (const data of [null, undefined, NaN, () => 1, new Date(NaN)]) {
    test(`payload: ${String(data)} is refused here, for the gateway would close for good`, () => {
      assert.throws(() => payloadOf(data), { code: 'invalid-payload' });
    });
  }

  test('payload: a publish of null fails, and the client lives on', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    await assert.rejects(client.group('g').publish(null), { code: 'invalid-payload' });
    await assert.rejects(client.send('e', undefined), { code: 'invalid-payload' });
    assert.deepEqual([socket.of('sendToGroup'), client.state], [[], 'connected']);
    client.close();
  });
});

describe('schema', () => {
  test('a pattern stands for the names that its type stands for', () => {
    assert.ok(matchesPattern('room:{id}', 'room:1'));
    assert.ok(matchesPattern('a.{x}+{y}', 'a.1+2\n'));
    assert.ok(!matchesPattern('a.{x}', 'ab1'));
    assert.ok(!matchesPattern('room:{id}', 'my room:1'));
    assert.ok(!matchesPattern('lobby', 'lobby2'));
  });

  const even: StandardSchema<number> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        typeof value === 'number' && value % 2 === 0
          ? { value: value / 2 }
          : { issues: [{ message: 'must be even' }] },
    },
  };

  test('a validator has the last word on a payload', () => {
    assert.equal(validatorOf({ 'n:{x}': even }, 'n:1'), even);
    assert.equal(validatorOf({ 'n:{x}': even }, 'm:1'), undefined);
    assert.equal(validated(even, 4, 'n'), 2);
    assert.throws(() => validated(even, 3, 'group:n'), {
      code: 'invalid-payload',
      message: 'The payload of group:n is not valid: must be even',
    });
    const late = { ...even['~standard'], validate: () => Promise.resolve({ value: 1 }) };
    assert.throws(() => validated({ '~standard': late }, 1, 'n'), { code: 'bad-option' });
  });

  test('a payload that is not valid is refused on its way out and reported on its way in', async () => {
    const world = new FakeWorld();
    const { client, errors, socket } = await world.connected({}, { validators: { g: even } });
    const group = client.group('g');
    const got: unknown[] = [];
    group.on('message', ({ data }) => got.push(data));
    await assert.rejects(group.publish(1), { code: 'invalid-payload' });
    assert.deepEqual(socket.of('sendToGroup'), []);
    socket.answer('joinGroup', { position: { epoch: 'e', offset: 0, tag: 0 } });
    socket.say(streamed(1, 0, 2), streamed(2, 1, 3), streamed(3, 2, 8));
    assert.deepEqual(got, [1, 4]);
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['invalid-payload'],
    );
    client.close();
  });
});

describe('options', () => {
  test('what is wrong names the option, the value and what it may be', () => {
    assert.deepEqual(settingsOf({ queueMessagesMax: 3 }).queueMessagesMax, 3);
    assert.throws(() => settingsOf({ backoffCapMs: '5' }), {
      code: 'bad-option',
      message: 'backoffCapMs must be 1 to 2147483647, got "5"',
    });
    assert.throws(() => addressOf('example.com/client'), { code: 'bad-option' });
    assert.equal(addressOf('https://a.example/client/hubs/h'), 'wss://a.example/client/hubs/h');
  });

  test('a runtime without a WebSocket is told where to get one', () => {
    const world = new FakeWorld();
    const { WebSocket, ...environment } = world.environment;
    assert.ok(WebSocket !== undefined);
    if (runtime.WebSocket !== undefined) return;
    assert.throws(() => world.client({ environment }), /option WebSocket/);
  });

  test('ids are unguessable, and no two are equal', () => {
    const ids = new Set(Array.from({ length: 100 }, () => runtime.randomId()));
    assert.equal(ids.size, 100);
    for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
  });

  test('waking: a page that is shown again, and a network that is back', () => {
    const page = new EventTarget();
    const scope = Object.assign(globalThis, { document: page });
    try {
      const reasons: string[] = [];
      const off = runtime.onWake((reason) => reasons.push(reason));
      page.dispatchEvent(new Event('visibilitychange'));
      Object.assign(page, { visibilityState: 'visible' });
      page.dispatchEvent(new Event('visibilitychange'));
      off();
      page.dispatchEvent(new Event('visibilitychange'));
      assert.deepEqual(reasons, ['visible']);
    } finally {
      Reflect.deleteProperty(scope, 'document');
    }
  });
});
