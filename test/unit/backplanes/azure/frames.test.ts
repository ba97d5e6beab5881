/** Holds the reader of the service's frames: it takes what it knows and survives the rest. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseFrame, sendFrame } from '../../../../backplanes/azure/frames.ts';

describe('frames', () => {
  test('frames: those of the service are read', () => {
    assert.deepEqual(parseFrame('{"type":"system","event":"connected","connectionId":"c"}'), {
      kind: 'connected',
    });
    assert.deepEqual(parseFrame('{"type":"system","event":"disconnected","message":"m"}'), {
      kind: 'disconnected',
      reason: 'm',
    });
    assert.deepEqual(parseFrame('{"type":"ack","ackId":7,"success":true}'), {
      kind: 'ack',
      ackId: 7,
      error: undefined,
    });
    assert.deepEqual(
      parseFrame('{"type":"ack","ackId":7,"success":false,"error":{"name":"N","message":"m"}}'),
      { kind: 'ack', ackId: 7, error: { name: 'N', message: 'm' } },
    );
    const message = {
      type: 'message',
      from: 'group',
      group: 'g',
      dataType: 'binary',
      data: 'AQI=',
    };
    assert.deepEqual(parseFrame(JSON.stringify(message)), {
      kind: 'data',
      group: 'g',
      bytes: Buffer.of(1, 2),
    });
  });

  test('frames: what is unknown or incomplete is a sign of life and no more', () => {
    for (const frame of [
      { type: 'pong' },
      { type: 'later' },
      { type: 'system', event: 'later' },
      { type: 'ack' },
      { type: 'message', from: 'server', dataType: 'binary', data: 'AQI=' },
      { type: 'message', from: 'group', group: 'g', dataType: 'text', data: 'x' },
      { type: 'message', from: 'group', group: 'g', dataType: 'binary', data: 1 },
      {},
    ]) {
      assert.deepEqual(parseFrame(JSON.stringify(frame)), { kind: 'other' });
    }
    assert.deepEqual(parseFrame('{"type":"ack","ackId":1,"success":false,"error":null}'), {
      kind: 'ack',
      ackId: 1,
      error: { name: 'Unknown', message: '' },
    });
  });

  test('frames: whatever arrives, nothing is thrown', () => {
    const type = fc.constantFrom('ack', 'message', 'system');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), type, fc.object(), (text, kind, fields) => {
        parseFrame(text);
        assert.notEqual(parseFrame(JSON.stringify({ ...fields, type: kind })), undefined);
      }),
    );
  });

  test('frames: a message to a group is JSON, whatever the group is called', () => {
    const frame: unknown = JSON.parse(sendFrame('a"\n\u{1f600}', Buffer.of(1, 2), 3));
    assert.deepEqual(frame, {
      type: 'sendToGroup',
      group: 'a"\n\u{1f600}',
      ackId: 3,
      dataType: 'binary',
      data: 'AQI=',
    });
  });
});
