/** A client of `trunkline.v1.json` against a whole gateway: from the greeting to the token's end. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { clientUrl, signClientToken } from '../../gateway/tokens/sign.ts';
import { FrameClient } from '../support/frame-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const subprotocol = 'trunkline.v1.json';
const place = { epoch: 'e', offset: 1, tag: 2 };

type Frame = Readonly<Record<string, unknown>>;

let gateway: TestGateway;

before(async () => {
  // An expired token ends at the next sweep, and heartbeats come about every 750 ms.
  gateway = await startTestGateway({ limits: { tokenGraceMs: 0, clientHeartbeatMs: 1000 } });
});
after(() => gateway.stop());

function tokenOf(userId: string, lifetimeSeconds = 3600): string {
  return signClientToken({
    accessKey: gateway.accessKey,
    endpoint: gateway.url,
    hub: 'chat',
    userId,
    roles,
    minutesToExpire: lifetimeSeconds / 60,
  });
}

class Client {
  readonly socket: FrameClient;
  readonly #read: Frame[] = [];

  private constructor(socket: FrameClient) {
    this.socket = socket;
  }

  static async open(t: TestContext, token: string): Promise<Client> {
    const url = clientUrl(gateway.url, 'chat', token);
    return new Client(await FrameClient.open(t, url, { subprotocols: [subprotocol] }));
  }

  /** The next object that is of this type; those before it are dropped. */
  async next(type: string): Promise<Frame> {
    for (;;) {
      while (this.#read.length === 0) {
        const lines = String(await this.socket.frames.next()).split('\n');
        // The gateway sends objects only.
        this.#read.push(...lines.map((line) => JSON.parse(line) as Frame));
      }
      const frame = this.#read.shift();
      if (frame?.['type'] === type) return frame;
    }
  }

  ask(request: Frame): Promise<Frame> {
    this.socket.sendJson(request);
    return this.next('ack');
  }
}

describe('trunkline.v1.json against a gateway', () => {
  test('connected: says how often a heartbeat comes and when the token expires', async (t) => {
    const client = await Client.open(t, tokenOf('anna'));
    assert.equal(client.socket.subprotocol, subprotocol);
    const { connectionId, tokenExpiresInMs, ...others } = await client.next('system');
    assert.match(String(connectionId), /./);
    assert.ok(Number(tokenExpiresInMs) > 3_500_000 && Number(tokenExpiresInMs) <= 3_600_000);
    assert.deepEqual(others, {
      type: 'system',
      event: 'connected',
      userId: 'anna',
      heartbeatMs: 1000,
      streams: [],
    });
  });

  test('heartbeat: comes by itself, again and again', async (t) => {
    const client = await Client.open(t, tokenOf('anna'));
    assert.deepEqual(await client.next('heartbeat'), { type: 'heartbeat' });
    await client.next('heartbeat');
  });

  test('join, send, history of a group that is no stream', async (t) => {
    const client = await Client.open(t, tokenOf('anna'));
    const group = 'g';
    assert.deepEqual(await client.ask({ type: 'joinGroup', group, ackId: 1 }), {
      type: 'ack',
      ackId: 1,
      success: true,
    });
    assert.deepEqual(await client.ask({ type: 'joinGroup', group, since: place, ackId: 2 }), {
      type: 'ack',
      ackId: 2,
      success: true,
      recovered: false,
    });
    const sent = { type: 'sendToGroup', group, id: 'mine', dataType: 'text', data: 'x', ackId: 3 };
    const { id, ...ack } = await client.ask(sent);
    assert.deepEqual(ack, { type: 'ack', ackId: 3, success: true });
    assert.match(String(id), /^c\.[\w-]{22}$/);
    const failed = await client.ask({ type: 'history', group, ackId: 4 });
    assert.equal(failed['success'], false);
    // What is inside an ack's error is the gateway's own.
    assert.equal((failed['error'] as Frame)['name'], 'BadRequest');
  });

  test('refreshToken: keeps a connection beyond its first token; others end with 4401', async (t) => {
    const [stays, goes] = await Promise.all([
      Client.open(t, tokenOf('anna', 3)),
      Client.open(t, tokenOf('ben', 3)),
    ]);
    const other = await stays.ask({ type: 'refreshToken', token: tokenOf('ben'), ackId: 1 });
    assert.equal((other['error'] as Frame)['name'], 'Forbidden');
    const own = await stays.ask({ type: 'refreshToken', token: tokenOf('anna'), ackId: 2 });
    assert.equal(own['success'], true);
    const { code, reason } = await goes.socket.closed();
    assert.equal(code, 4401);
    assert.match(reason, /^The token has expired .* connect with a new one$/);
    stays.socket.sendJson({ type: 'ping' });
    await stays.next('pong');
    assert.deepEqual(gateway.errors, []);
  });
});
