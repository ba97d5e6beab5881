/** Answers of JetStream to a publish, word for word as servers give them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackplaneUnavailableError } from '../../../../../backplanes/backplane.ts';
import { readAck, type Ack } from '../../../../../backplanes/nats/streams/ack.ts';

const ackOf = (text: string, status = 0): Ack | undefined =>
  readAck({ bytes: Buffer.from(text), status });

test('ack: old and new servers say where a message is stored', () => {
  assert.deepEqual(ackOf('{"stream":"tl-chat", "seq":12}'), { sequence: 12, isDuplicate: false });
  assert.deepEqual(ackOf('{"stream":"tl-chat","domain":"x","seq":9007199254740991}'), {
    sequence: 9_007_199_254_740_991,
    isDuplicate: false,
  });
  const duplicate = { sequence: 3, isDuplicate: true };
  assert.deepEqual(ackOf('{"stream":"tl-chat", "seq":3,"duplicate": true}'), duplicate);
});

test('ack: a refusal is not stored, and says why', () => {
  const full = '{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}';
  assert.throws(() => ackOf(full), { name: 'BackplaneUnavailableError', message: /maximum bytes/ });
  assert.throws(() => ackOf('', 503), BackplaneUnavailableError);
});

test('ack: an id that is on its way has no place yet', () => {
  const inProcess = '{"error":{"code":409,"err_code":10158,"description":"is in process"}}';
  assert.equal(ackOf(inProcess), undefined);
  const unknown = '{"stream":"tl-chat", "seq":0,"duplicate": true}';
  assert.equal(ackOf(unknown), undefined);
});

test('ack: an answer without a sequence, or with one that is not exact, is no success', () => {
  assert.throws(() => ackOf('{}'), BackplaneUnavailableError);
  assert.throws(() => ackOf('{"seq":9007199254740993}'), BackplaneUnavailableError);
});
