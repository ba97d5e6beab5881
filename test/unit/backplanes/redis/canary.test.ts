/** When a canary concludes that nothing arrives, and when it does not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Canary } from '../../../../backplanes/redis/canary.ts';

class Broker {
  readonly sent: Uint8Array[] = [];
  deaf = 0;
  isListening = true;
  outcome: () => Promise<unknown> = () => Promise.resolve();
  readonly canary = new Canary({
    publish: (bytes) => {
      this.sent.push(bytes);
      return this.outcome();
    },
    isListening: () => this.isListening,
    onDeaf: () => {
      this.deaf += 1;
    },
  });

  async tick(): Promise<void> {
    this.canary.tick();
    await Promise.resolve();
    await Promise.resolve();
  }

  deliver(): void {
    this.canary.arrived(this.sent.at(-1) ?? new Uint8Array());
  }
}

describe('canary', () => {
  test('canary: while they arrive, one is sent per tick and nobody is deaf', async () => {
    const broker = new Broker();
    for (let round = 0; round < 10; round += 1) {
      await broker.tick();
      broker.deliver();
    }
    assert.deepEqual([broker.sent.length, broker.deaf], [10, 0]);
  });

  test('canary: accepted and not arrived for two more ticks is deaf', async () => {
    const broker = new Broker();
    await broker.tick();
    await broker.tick();
    assert.equal(broker.deaf, 0);
    await broker.tick();
    assert.equal(broker.deaf, 1);
    await broker.tick();
    assert.equal(broker.sent.length, 2);
  });

  test('canary: the answer to an earlier one proves nothing', async () => {
    const broker = new Broker();
    await broker.tick();
    broker.deliver();
    const [old = new Uint8Array()] = broker.sent;
    await broker.tick();
    broker.canary.arrived(old);
    await broker.tick();
    await broker.tick();
    assert.equal(broker.deaf, 1);
  });

  test('canary: one that was not accepted says nothing about the subscription', async () => {
    const broker = new Broker();
    broker.outcome = () => Promise.reject(new Error('away'));
    for (let round = 0; round < 10; round += 1) await broker.tick();
    assert.deepEqual([broker.sent.length, broker.deaf], [10, 0]);
  });

  test('canary: nothing is sent while nobody listens, and an old one is forgotten', async () => {
    const broker = new Broker();
    await broker.tick();
    broker.isListening = false;
    for (let round = 0; round < 5; round += 1) await broker.tick();
    broker.isListening = true;
    await broker.tick();
    assert.deepEqual([broker.sent.length, broker.deaf], [2, 0]);
  });
});
