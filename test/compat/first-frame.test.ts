/** The first frame is `connected`, whatever the server does while a client is connecting. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Backplane } from '../../backplanes/backplane.ts';
import { MemoryBackplane } from '../../backplanes/memory/memory-backplane.ts';
import { FrameClient } from '../support/frame-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { waitFor } from '../support/wait.ts';
import { jsonSubprotocol, newService } from './suite.ts';

/** Lets a test decide when the broker confirms interest; what is held waits for `release`. */
class Gate {
  #held: (() => void)[] | undefined;

  get waiting(): number {
    return this.#held?.length ?? 0;
  }

  hold(): void {
    this.#held = [];
  }

  release(): void {
    for (const confirm of this.#held ?? []) confirm();
    this.#held = undefined;
  }

  async pass(): Promise<void> {
    const held = this.#held;
    if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve));
  }
}

/** The memory backplane behind a gate. */
function gated(gate: Gate): Backplane {
  const memory = new MemoryBackplane();
  return {
    traits: memory.traits,
    start: (sink) => memory.start(sink),
    subscribe: async (key) => {
      await gate.pass();
      await memory.subscribe(key);
    },
    unsubscribe: (key) => memory.unsubscribe(key),
    publish: (key, bytes) => memory.publish(key, bytes),
    isUp: () => memory.isUp(),
    close: () => memory.close(),
  };
}

describe('connecting', () => {
  const gate = new Gate();
  let gateway: TestGateway;

  before(async () => {
    gateway = await startTestGateway({}, { backplane: gated(gate) });
  });

  after(async () => {
    gate.release();
    await gateway.stop();
    assert.deepEqual(gateway.errors, []);
  });

  test('connected: it comes first while the server sends without a pause', async (t) => {
    const service = newService(gateway);
    const { url } = await service.getClientAccessToken({ userId: 'anna', groups: ['g'] });
    const sending = { isOver: false };
    const send = async (): Promise<void> => {
      while (!sending.isOver) {
        await Promise.all([
          service.sendToAll('x'),
          service.sendToUser('anna', 'x'),
          service.group('g').sendToAll('x'),
          service.addConnectionsToGroups(['h'], "userId eq 'anna'"),
          service.group('h').sendToAll('x'),
        ]);
      }
    };
    const sender = send();
    for (let round = 0; round < 20; round += 1) {
      const clients = await Promise.all(
        Array.from({ length: 5 }, () =>
          FrameClient.open(t, url, { subprotocols: [jsonSubprotocol] }),
        ),
      );
      for (const client of clients) {
        const first = (await client.nextJson()) as Record<string, unknown>;
        assert.deepEqual([first['type'], first['event']], ['system', 'connected']);
      }
      await Promise.all(clients.map((client) => client.close()));
    }
    sending.isOver = true;
    await sender;
  });

  test('connected: it comes first where the broker is slow to confirm the interest', async (t) => {
    const service = newService(gateway);
    const { url } = await service.getClientAccessToken({ userId: 'anna' });
    const known = await FrameClient.open(t, url, { subprotocols: [jsonSubprotocol] });
    await known.frames.next();
    await service.group('g').addUser('anna');
    gate.hold();
    const token = await service.getClientAccessToken({ userId: 'ben' });
    const client = await FrameClient.open(t, token.url, { subprotocols: [jsonSubprotocol] });
    await waitFor(() => gate.waiting > 0, { what: 'the gateway waits for the broker' });
    await service.addConnectionsToGroups(['g'], "userId eq 'ben' or userId eq 'anna'");
    await service.group('g').sendToAll('early');
    await service.sendToUser('ben', 'early');
    gate.release();
    const first = (await client.nextJson()) as Record<string, unknown>;
    assert.deepEqual(
      [first['type'], first['event'], first['userId']],
      ['system', 'connected', 'ben'],
    );
  });

  test('frames sent before connected: they are handled after it, in their order', async (t) => {
    const service = newService(gateway);
    gate.hold();
    const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
    const { url } = await service.getClientAccessToken({ roles });
    const client = await FrameClient.open(t, url, { subprotocols: [jsonSubprotocol] });
    client.sendJson({ type: 'joinGroup', group: 'g', ackId: 1 });
    client.sendJson({ type: 'ping' });
    client.sendJson({ type: 'sendToGroup', group: 'g', data: 'x', ackId: 2 });
    await waitFor(() => gate.waiting > 0, { what: 'the gateway waits for the broker' });
    gate.release();
    const { event } = (await client.nextJson()) as { event: string };
    assert.equal(event, 'connected');
    const frames = await client.frames.take(4);
    assert.ok(frames.includes('{"type":"ack","ackId":1,"success":true}'));
    assert.ok(frames.includes('{"type":"pong"}'));
    assert.ok(frames.includes('{"type":"ack","ackId":2,"success":true}'));
    const message = frames.map(String).find((frame) => frame.startsWith('{"type":"message"'));
    assert.match(message ?? '', /"data":"x"/);
  });
});
