/** What is written to a broker by plain sockets: exactly its protocol. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { wordsOf } from '../../../../../bench/micro/cross/raw-broker.ts';

const key = 'trunkline-bench-raw';

describe('raw broker', () => {
  test('Redis: a command of three parts, and the push of a subscription', () => {
    const { inBytes, out } = wordsOf('redis', 3);
    const name = `$${String(key.length)}\r\n${key}\r\n`;
    assert.equal(out.toString(), `*3\r\n$7\r\nPUBLISH\r\n${name}$3\r\nxxx\r\n`);
    assert.equal(inBytes, `*3\r\n$7\r\nmessage\r\n${name}$3\r\nxxx\r\n`.length);
  });

  test('NATS: a publication, and the message of a subscription', () => {
    const { inBytes, out } = wordsOf('nats', 3);
    assert.equal(out.toString(), `PUB ${key} 3\r\nxxx\r\n`);
    assert.equal(inBytes, `MSG ${key} 1 3\r\nxxx\r\n`.length);
  });
});
